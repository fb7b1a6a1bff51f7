"""The way out of every event: gathered by kind, posted up to ten together, tried again, or mistreated by a scenario."""

import threading
import time
from collections import OrderedDict, defaultdict, deque
from dataclasses import replace
from functools import partial

from tests.sandbox.http_post import Posted
from tests.sandbox.journal import Delivery, Journal
from tests.sandbox.marqeta.batches import Batch, Target, delivery_of
from tests.sandbox.marqeta.delivery import Courier
from tests.sandbox.marqeta.events import Notice
from tests.sandbox.question import post_copies
from tests.sandbox.scenario import Scenario
from tests.sandbox.scenarios import Scenarios
from tests.sandbox.settings import Settings
from tests.sandbox.wire import Json, altered, to_bytes
from tests.sandbox.workers import Workers

_MOST_IN_A_BATCH = 10
# Only for whoever wants one sent again: the list of transactions has them all.
_EVENTS_KEPT = 20_000
# The only status that ends the attempts.
_TAKEN = 200
Sent = OrderedDict[tuple[str, str], tuple[Notice, list[Target]]]


class Outgoing:
    """Sends events to the program's webhooks; only HTTP 200 ends the attempts early."""

    def __init__(
        self, settings: Settings, *, scenarios: Scenarios, journal: Journal[Delivery], workers: Workers
    ) -> None:
        self._settings = settings
        self._scenarios = scenarios
        self._journal = journal
        self._workers = workers
        self._courier = Courier()
        self._lock = threading.Lock()
        self._waiting: defaultdict[tuple[Target, str], deque[Notice]] = defaultdict(deque)
        self._sent: Sent = OrderedDict()
        self._held: list[Batch] = []

    def send(self, notice: Notice, targets: list[Target]) -> None:
        """Queue an event for every target; returns at once."""
        self._remember(notice, targets)
        order = self._scenarios.take_for_webhook(notice.name)
        for target in targets:
            if order is None:
                self._gather(target, notice)
            else:
                self._mistreat(Batch(target, (notice,)), order)

    def ping(self, target: Target, body: Json) -> None:
        """Post a ping once."""
        self._courier.post(to_bytes(body), target, timeout_s=self._settings.event_timeout_s)

    def resend(self, base: str, token: str, target: Target) -> Notice | None:
        """Queue an event of the past for one target; None when there is no such event."""
        with self._lock:
            sent = self._sent.get((base, token))
        if sent is None:
            return None
        self._submit(Batch(target, (sent[0],)), scenario="resend")
        return sent[0]

    def resend_anywhere(self, token: str) -> bool:
        """Queue an event of the past for the targets it had; False when there is no such event."""
        with self._lock:
            found = [sent for (_, known), sent in self._sent.items() if known == token]
        for notice, targets in found:
            for target in targets:
                self._submit(Batch(target, (notice,)), scenario="resend")
        return bool(found)

    def sent_tokens(self) -> set[str]:
        """The tokens of all events that were sent, or are on their way."""
        with self._lock:
            return {token for _, token in self._sent}

    def release_held(self) -> int:
        """Send the events that were kept back to be out of order, and tell how many they were."""
        with self._lock:
            held, self._held = self._held, []
        for batch in held:
            self._submit(batch, scenario="out_of_order")
        return len(held)

    @property
    def locks(self) -> tuple[threading.Lock, ...]:
        """What is held while events are added or kept back."""
        return (self._lock,)

    def taken(self) -> Sent:
        """The events with their targets, for the sandbox's memory; its locks are held."""
        return self._sent

    def put_back(self, sent: Sent) -> None:
        """Has these events again."""
        self._sent = sent

    def untold(self) -> list[tuple[Notice, list[Target]]]:
        """The events that nobody has taken, though they were to be sent."""
        done = {each.event_id for each in self._journal.find() if each.status == _TAKEN or each.scenario == "drop"}
        return [sent for (_, token), sent in self._sent.items() if token not in done]

    def send_again(self, events: list[tuple[Notice, list[Target]]]) -> None:
        """Queue them as if they had just been made."""
        for notice, targets in events:
            for target in targets:
                self._gather(target, notice)

    def forget(self) -> None:
        """Start anew: nothing was ever sent, and what waits stays behind."""
        with self._lock:
            self._waiting.clear()
            self._sent.clear()
            self._held.clear()

    def stop(self) -> None:
        """Close the kept connections; the workers are the sandbox's."""
        self._courier.close()

    def _gather(self, target: Target, notice: Notice) -> None:
        key = (target, notice.base)
        with self._lock:
            self._waiting[key].append(notice)
            is_first = len(self._waiting[key]) == 1
        if is_first:
            self._workers.later(self._settings.marqeta.batch_after_s, partial(self._flush, key))

    def _flush(self, key: tuple[Target, str]) -> None:
        while True:
            with self._lock:
                waiting = self._waiting[key]
                notices = tuple(waiting.popleft() for _ in range(min(len(waiting), _MOST_IN_A_BATCH)))
            if not notices:
                return
            self._submit(Batch(key[0], notices))

    def _mistreat(self, batch: Batch, order: Scenario) -> None:
        match order.do:
            case "drop":
                self._note(batch, Posted(time.time(), 0.0, error="dropped by a scenario"), scenario="drop")
            case "out_of_order":
                with self._lock:
                    self._held.append(batch)
            case "alter":
                rows = tuple(replace(each, row=altered(each.row, order.changes)) for each in batch.notices)
                self._submit(Batch(batch.target, rows), scenario="alter")
            case "delay":
                self._workers.later(order.delay_s, lambda: self._deliver(batch, scenario="delay"))
            case "duplicate":
                self._workers.submit(lambda: self._deliver_twice(batch))
            case "concurrent":
                self._workers.submit(
                    lambda: post_copies(lambda: self._post(batch, scenario="concurrent"), copies=order.copies)
                )

    def _submit(self, batch: Batch, *, scenario: str | None = None) -> None:
        self._workers.submit(lambda: self._deliver(batch, scenario=scenario))

    def _deliver(self, batch: Batch, *, attempt: int = 1, scenario: str | None = None) -> None:
        status = self._post(batch, attempt=attempt, scenario=scenario)
        delays_s = self._settings.retry_delays_s
        if status != _TAKEN and attempt <= len(delays_s):
            again = partial(self._deliver, batch, attempt=attempt + 1, scenario=scenario)
            self._workers.later(delays_s[attempt - 1], again)
        if scenario != "out_of_order":
            self.release_held()

    def _deliver_twice(self, batch: Batch) -> None:
        self._deliver(batch)
        self._deliver(batch, scenario="duplicate")

    def _post(self, batch: Batch, *, attempt: int = 1, scenario: str | None = None) -> int | None:
        posted = self._courier.post(batch.body, batch.target, timeout_s=self._settings.event_timeout_s)
        self._note(batch, posted, attempt=attempt, scenario=scenario)
        return posted.status

    def _note(self, batch: Batch, posted: Posted, *, attempt: int = 1, scenario: str | None = None) -> None:
        for notice in batch.notices:
            self._journal.add(delivery_of(notice, batch, posted, attempt=attempt, scenario=scenario))

    def _remember(self, notice: Notice, targets: list[Target]) -> None:
        with self._lock:
            self._sent[notice.base, notice.token] = (notice, targets)
            if len(self._sent) > _EVENTS_KEPT:
                self._sent.popitem(last=False)
