"""How the program behaves beyond what its API sets: stand-in processing, and when transactions can be read back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from tests.sandbox.wire import Json

COMMANDO_MODES = ("off", "auto", "manual")
GATEWAY_FAILURES = ("response_timeouts", "connection_errors", "application_errors")
_LONGEST_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """Commando `auto` approves when the gateway fails in one of the ways of `commando_on`, `manual` never asks it.

    A transaction can be read `transactions_visible_after_s` after it happened; its webhook does not wait for that.
    """

    commando: str = "off"
    commando_on: tuple[str, ...] = GATEWAY_FAILURES
    transactions_visible_after_s: float = 0.0

    @classmethod
    def read(cls, order: Mapping[str, Any]) -> Self:
        """Read an order as it came in JSON; raises ValueError with a sentence."""
        known = [field.name for field in fields(cls)]
        if set(order) - set(known):
            raise ValueError(f"The Marqeta program can be told {', '.join(known)}.")
        if order.get("commando", "off") not in COMMANDO_MODES:
            raise ValueError(f'"commando" may be {", ".join(COMMANDO_MODES)}.')
        failures = order.get("commando_on", GATEWAY_FAILURES)
        if not isinstance(failures, list | tuple) or not set(failures) <= set(GATEWAY_FAILURES):
            raise ValueError(f'"commando_on" is a list of {", ".join(GATEWAY_FAILURES)}.')
        delay_s = order.get("transactions_visible_after_s", 0)
        if isinstance(delay_s, bool) or not isinstance(delay_s, int | float) or not 0 <= delay_s <= _LONGEST_S:
            raise ValueError(f'"transactions_visible_after_s" is a number of seconds from 0 to {_LONGEST_S}.')
        return cls(**{**order, "commando_on": tuple(failures)})

    def to_json(self) -> Json:
        """Show how the program behaves now."""
        return asdict(self)
