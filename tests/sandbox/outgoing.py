"""The way out of every event: asked at once or queued, tried again, or mistreated as a scenario says."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from tests.sandbox.compact_events import SealedEvent
from tests.sandbox.delivery import Courier, unsent
from tests.sandbox.journal import Delivery, Journal
from tests.sandbox.ordered_store import Shelf
from tests.sandbox.question import Question, post_copies
from tests.sandbox.scenario import DECISION_EVENTS, Scenario
from tests.sandbox.scenarios import Scenarios
from tests.sandbox.settings import Settings
from tests.sandbox.wire import Json, altered, new_id
from tests.sandbox.workers import Workers

_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint that was made over the API: where it is, what it signs with, and its API version, if it has one."""

    url: str
    secret: str = field(repr=False)
    events: tuple[str, ...]
    version: str | None = None

    def wants(self, event_type: str) -> bool:
        """Tell whether the endpoint has this event."""
        return "*" in self.events or event_type in self.events


class Outgoing:
    """Sends events to the account's endpoints; `request_url` and `events_url` may be changed while it runs.

    Those two are as a person set them in the dashboard; `made_by_api` gives the others.
    """

    def __init__(
        self, *, settings: Settings, scenarios: Scenarios, made_by_api: Callable[[], list[Target]] = list
    ) -> None:
        self.request_url = settings.webhook_url
        self.events_url = None if settings.events_by_api else settings.events_url or settings.webhook_url
        self._made_by_api = made_by_api
        self.journal: Journal[Delivery] = Journal(kept=settings.events_kept)
        self.workers = Workers(count=_WORKERS)
        self._settings = settings
        self._scenarios = scenarios
        self._courier = Courier(secret=settings.webhook_secret)
        self._events: Shelf[SealedEvent] = Shelf()
        self._events_lock = threading.Lock()
        self._held: list[Json] = []
        self._held_lock = threading.Lock()

    def ask(self, event: Json) -> Delivery:
        """Send a decision request now and wait for the answer, at most the issuer's time limit."""
        self._remember(event)
        url, order = self.request_url, self._scenarios.take_for_webhook(event["type"])
        asked = altered(event, order.changes) if order else event
        question = Question(
            post=lambda timeout_s, scenario: self._post(asked, url, timeout_s, scenario=scenario),
            post_anew=lambda timeout_s, scenario: self._post(
                asked | {"id": new_id("evt")}, url, timeout_s, scenario=scenario
            ),
            time_out=lambda scenario: self.journal.add(
                unsent(event, url=url or "", error="timeout", scenario=scenario)
            ),
            limit_s=self._settings.decision_timeout_s,
        )
        return question.ask(order, self.workers)

    def send(self, event: Json) -> None:
        """Queue an ordinary event; returns at once."""
        self._remember(event)
        order = self._scenarios.take_for_webhook(event["type"])
        for target in [target for target in self._made_by_api() if target.wants(event["type"])]:
            self.workers.submit(partial(self._deliver, event, target=target))
        if self._settings.events_by_api:
            return
        if order is None:
            self.workers.submit(lambda: self._deliver(event))
        else:
            self._mistreat(event, order)

    @contextmanager
    def events(self) -> Iterator[Shelf[SealedEvent]]:
        """The events by id, oldest first, whatever became of them on their way; none is added inside the block."""
        with self._events_lock:
            yield self._events

    @property
    def locks(self) -> tuple[threading.Lock, ...]:
        """What is held while events are added or kept back."""
        return self._events_lock, self._held_lock

    def taken(self) -> Shelf[SealedEvent]:
        """The events, for the sandbox's memory; its locks are held."""
        return self._events

    def put_back(self, events: Shelf[SealedEvent]) -> None:
        """Has these events again."""
        self._events = events

    def untold(self) -> list[SealedEvent]:
        """The events that nobody has taken, though they were to be sent."""
        done = {each.event_id for each in self.journal.find() if each.accepted or each.scenario == "drop"}
        return [each for each in self._events.values() if each.id not in done and each.type not in DECISION_EVENTS]

    def send_again(self, events: list[SealedEvent]) -> None:
        """Queue them as if they had just been made."""
        for each in events:
            self.workers.submit(partial(self._deliver, each.open()))

    def has_told(self, event_type: str, object_id: str) -> bool:
        """Tell whether such an event about an object was ever made."""
        return any(each.open()["data"]["object"]["id"] == object_id for each in self._of_type(event_type))

    def last_event(self, event_type: str, object_id: str) -> Json:
        """The last such event about an object; raises LookupError."""
        opened = (each.open() for each in self._of_type(event_type))
        return next(each for each in opened if each["data"]["object"]["id"] == object_id)

    def _of_type(self, event_type: str) -> Iterator[SealedEvent]:
        return (each for each in self._events.newest_first() if each.type == event_type)

    def forget(self) -> None:
        """Start anew: no event was ever made."""
        with self._events_lock:
            self._events.clear()

    def resend(self, event_id: str) -> bool:
        """Queue an event of the past once more, as the issuer's dashboard can; False when there is no such event."""
        with self._events_lock:
            sealed = self._events.get(event_id)
        if sealed is not None:
            event = sealed.open()
            self.workers.submit(lambda: self._deliver(event, scenario="resend"))
        return sealed is not None

    def release_held(self) -> int:
        """Send the events that were kept back to be out of order, and tell how many they were."""
        with self._held_lock:
            held, self._held = self._held, []
        for event in held:
            self.workers.submit(partial(self._deliver, event, scenario="out_of_order"))
        return len(held)

    def stop(self) -> None:
        """Send nothing more."""
        self.workers.stop()
        self._courier.close()

    def _mistreat(self, event: Json, order: Scenario) -> None:
        match order.do:
            case "drop":
                url = self.events_url or ""
                self.journal.add(unsent(event, url=url, error="dropped by a scenario", scenario="drop"))
            case "out_of_order":
                with self._held_lock:
                    self._held.append(event)
            case "alter":
                self.workers.submit(lambda: self._deliver(altered(event, order.changes), scenario="alter"))
            case "delay":
                self.workers.later(order.delay_s, lambda: self._deliver(event, scenario="delay"))
            case "duplicate":
                self.workers.submit(lambda: self._deliver_twice(event))
            case "concurrent":
                self.workers.submit(lambda: self._deliver_at_once(event, copies=order.copies))

    def _deliver(
        self, event: Json, attempt: int = 1, scenario: str | None = None, target: Target | None = None
    ) -> None:
        url = target.url if target else self.events_url
        told = event | {"api_version": target.version} if target and target.version else event
        secret = target.secret if target else ""
        timeout_s = self._settings.event_timeout_s
        sent = self._post(told, url, timeout_s, attempt=attempt, scenario=scenario, secret=secret)
        delays_s = self._settings.retry_delays_s
        if not sent.accepted and url and attempt <= len(delays_s):
            self.workers.later(delays_s[attempt - 1], lambda: self._deliver(event, attempt + 1, scenario, target))
        if scenario != "out_of_order":
            self.release_held()

    def _deliver_twice(self, event: Json) -> None:
        self._deliver(event)
        self._deliver(event, scenario="duplicate")

    def _deliver_at_once(self, event: Json, *, copies: int) -> None:
        url, timeout_s = self.events_url, self._settings.event_timeout_s
        post_copies(lambda: self._post(event, url, timeout_s, scenario="concurrent"), copies=copies)

    def _post(
        self,
        event: Json,
        url: str | None,
        timeout_s: float,
        *,
        attempt: int = 1,
        scenario: str | None = None,
        secret: str = "",
    ) -> Delivery:
        sent = self._courier.post(
            event, url=url, timeout_s=timeout_s, attempt=attempt, scenario=scenario, secret=secret
        )
        return self.journal.add(sent)

    def _remember(self, event: Json) -> None:
        sealed = SealedEvent.of(event)
        with self._events_lock:
            self._events[sealed.id] = sealed
            if len(self._events) > self._settings.events_kept:
                self._events.forget_oldest()
