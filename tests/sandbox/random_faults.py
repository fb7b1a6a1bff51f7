"""Misbehaviour by chance: a share of all that comes in and goes out meets a fault, drawn from a seed.

Scenarios say what happens to the next call; the weather says how often things happen, until it is calm again.
"""

import random
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeGuard

from tests.sandbox.scenario import DECISION_EVENTS, DURING, Scenario, ScenarioError
from tests.sandbox.wire import Json

# Of each kind the given share meets a fault, and all faults of a kind are alike in number.
REQUESTS = ("rate_limit", "html_error", "drop_request", "error_500", "drop_answer", "malformed_json")
WEBHOOKS = ("drop", "duplicate", "concurrent", "delay", "out_of_order")
QUESTIONS = ("drop", "duplicate", "concurrent", "delay")
CHARGES = ("decline", "decline", "decline", "requires_action", "processing")
# Soft ones more often than those after which a card is never asked again.
DECLINE_CODES = (
    "processing_error",
    "processing_error",
    "try_again_later",
    "generic_decline",
    "insufficient_funds",
    "lost_card",
)
# The card network is played by these; it is no part of either API, and whoever plays it wants no faults.
_NETWORK = ("/v1/test_helpers/", "/v3/simulate/", "/v3/simulations/")
_LONGEST_DELAY_S = 2.5
_COPIES = 3


class Weather:
    """Which request, webhook or charge meets which fault; calm until it is set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.set()

    def set(self, *, percent: float = 0.0, seed: int = 0) -> None:
        """Change the share and begin the draws and the counts anew."""
        with self._lock:
            self.percent, self.seed = percent, seed
            self._chance = random.Random(seed)
            self._met: Counter[str] = Counter()

    def calm(self) -> None:
        """No more faults; the counts stay."""
        self.percent = 0.0

    def read(self, order: Mapping[str, Any]) -> None:
        """Set it in the words of the control door, `{"percent": 5, "seed": 1}`; raises ScenarioError."""
        percent, seed = order.get("percent"), order.get("seed", 0)
        if set(order) - {"percent", "seed"} or not _is_number(percent) or not 0 <= percent <= 100:
            raise ScenarioError('The weather is a "percent" from 0 to 100, and a "seed".')
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise ScenarioError('"seed" must be a whole number.')
        if percent:
            self.set(percent=percent, seed=seed)
        else:
            self.calm()

    def for_request(self, *, stage: tuple[str, ...], method: str, path: str) -> Scenario | None:
        """Draw for one stage of a request: the stages together meet the share."""
        if not self.percent or path.startswith(_NETWORK):
            return None
        if stage == DURING and method == "POST" and _is_charge(path):
            charge = self._draw("charge", CHARGES, CHARGES)
            if charge is not None:
                return charge
        return self._draw("request", REQUESTS, stage)

    def for_webhook(self, event_type: str) -> Scenario | None:
        """Draw for one event, or for one question that wants its answer at once."""
        if not self.percent:
            return None
        kind, deeds = ("question", QUESTIONS) if event_type in DECISION_EVENTS else ("webhook", WEBHOOKS)
        return self._draw(kind, deeds, deeds)

    def to_json(self) -> Json:
        """Show the share, the seed and how many faults of each kind there were."""
        with self._lock:
            return {"percent": self.percent, "seed": self.seed, "met": dict(sorted(self._met.items()))}

    def _draw(self, kind: str, deeds: tuple[str, ...], allowed: tuple[str, ...]) -> Scenario | None:
        with self._lock:
            place = self._chance.random() * 100 * len(deeds) / self.percent
            if place >= len(deeds) or deeds[int(place)] not in allowed:
                return None
            do, delay_s = deeds[int(place)], self._chance.uniform(0.05, _LONGEST_DELAY_S)
            code = self._chance.choice(DECLINE_CODES)
            self._met[f"{kind} {do}"] += 1
        return Scenario(id="weather", do=do, decline_code=code, delay_s=delay_s, copies=_COPIES)


def _is_charge(path: str) -> bool:
    return path == "/v1/payment_intents" or (path.startswith("/v1/payment_intents/") and path.endswith("/confirm"))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
