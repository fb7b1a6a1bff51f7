"""What the program reports: one row under one root key, and the name by which webhooks and scenarios know it."""

from dataclasses import dataclass

from tests.sandbox.wire import Json

ROOT_KEYS = {
    "transaction": "transactions",
    "cardtransition": "cardtransitions",
    "usertransition": "usertransitions",
    "chargebacktransition": "chargebacktransitions",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One event; `base` is the base type such as `transaction`, `about` what the journal is searched by."""

    base: str
    kind: str
    token: str
    about: str
    row: Json

    @property
    def name(self) -> str:
        """The event type, such as `transaction.authorization.clearing` or `cardtransition.state.activated`."""
        return f"{self.base}.{self.kind}"

    def is_wanted_by(self, events: list[str]) -> bool:
        """Tell whether a webhook listens to it: a wildcard stands for everything or for one base type."""
        return any(pattern in ("*", f"{self.base}.*", self.name) for pattern in events)
