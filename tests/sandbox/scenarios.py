"""The misbehaviours that are in force, and which of them a request or a webhook meets."""

import threading
from collections.abc import Callable
from fnmatch import fnmatchcase

from tests.sandbox.random_faults import Weather
from tests.sandbox.scenario import DECISION_EVENTS, WEBHOOK_DEEDS, Scenario
from tests.sandbox.wire import Json


class Scenarios:
    """Orders in the sequence they came; the first that fits is taken and counted down, else the weather decides."""

    def __init__(self) -> None:
        self._orders: list[Scenario] = []
        self._lock = threading.Lock()
        self.weather = Weather()
        # How often all were cleared; each call notes it when it arrives.
        self.clearings = 0

    def add(self, scenario: Scenario) -> Scenario:
        """Put a scenario in force."""
        with self._lock:
            self._orders.append(scenario)
        return scenario

    def clear(self) -> None:
        """Behave again."""
        self.weather.calm()
        with self._lock:
            self._orders.clear()
            self.clearings += 1

    def taken(self) -> list[Scenario]:
        """Takes all orders out for good, for the sandbox's memory."""
        self._lock.acquire()
        return self._orders

    def put_back(self, orders: list[Scenario]) -> None:
        """Has these orders in force again."""
        self._orders = orders

    def to_json(self) -> list[Json]:
        """Show what is still in force."""
        with self._lock:
            return [order.to_json() for order in self._orders]

    def take_for_request(
        self, *, stage: tuple[str, ...], method: str, path: str, payment_method: str | None = None
    ) -> Scenario | None:
        """Use up one turn of the first scenario of this stage that fits the request."""

        def fits(order: Scenario) -> bool:
            return (
                order.do in stage
                and order.path is not None
                and order.method.upper() == method
                and fnmatchcase(path, order.path)
                and order.payment_method in (None, payment_method)
            )

        return self._take(fits) or self.weather.for_request(stage=stage, method=method, path=path)

    def take_for_webhook(self, event_type: str) -> Scenario | None:
        """Use up one turn of the first scenario that fits the event; a pattern never touches a decision request."""

        def fits(order: Scenario) -> bool:
            if order.webhook is None or order.do not in WEBHOOK_DEEDS:
                return False
            if event_type in DECISION_EVENTS:
                return order.webhook == event_type
            return fnmatchcase(event_type, order.webhook)

        return self._take(fits) or self.weather.for_webhook(event_type)

    def _take(self, fits: Callable[[Scenario], bool]) -> Scenario | None:
        with self._lock:
            order = next((order for order in self._orders if fits(order)), None)
            if order is not None and order.times is not None:
                order.times -= 1
                if order.times == 0:
                    self._orders.remove(order)
            return order
