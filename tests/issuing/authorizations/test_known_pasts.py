"""The event loop reads a card's past anew when another process has decided, and not because time goes by."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connections

from issuing import journal
from issuing.authorizations import known_pasts, together
from issuing.history import followed, reading
from issuing.models import VirtualCard
from issuing.webhooks import event_loop
from onecard.kit.buffered_wsgi import Answer
from tests.issuing.fraud import hooks
from tests.support import stripe_events
from tests.support.together import of_stripe
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)

AGE_S = 30.0


class Clock:
    """Time that only passes where a test says so, however busy the machine is; no two moments are the same."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        self.now_s += 1e-6
        return self.now_s


class Process:
    """This process's event loop: how often it read pasts and looked at others' decisions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.readings = self.looks = 0
        self.clock = Clock()
        for module in (followed, known_pasts, together):
            monkeypatch.setattr(module, "time", self.clock)
        read, look = reading.read_pasts, reading.look

        async def count_readings(*args: Any, **more: Any) -> Any:
            self.readings += 1
            return await read(*args, **more)

        async def count_looks(*args: Any, **more: Any) -> Any:
            try:
                return await look(*args, **more)
            finally:
                self.looks += 1

        monkeypatch.setattr(reading, "read_pasts", count_readings)
        monkeypatch.setattr(reading, "look", count_looks)

    async def decide(self, card: VirtualCard) -> int:
        """Approves a purchase in the loop, has it written out, and returns how many approvals its hook saw before."""
        delivery = of_stripe(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
        answer = await event_loop.answer(delivery.door, delivery.headers, delivery.body, time.perf_counter())
        assert isinstance(answer, Answer)
        assert b'"approved": true' in answer.body
        await asyncio.to_thread(elsewhere, journal.write_all)
        return int(hooks.calls[-1].history.approvals)

    async def look(self, card: VirtualCard) -> int:
        """As `decide`, and waits for the look that follows from it."""
        looks = self.looks + 1
        found = await self.decide(card)
        async with asyncio.timeout(20):
            while self.looks < looks:
                await asyncio.sleep(0.01)
        # What the look found is taken in the turn after it.
        await asyncio.sleep(0.01)
        return found


def elsewhere(call: Callable[[], Any]) -> None:
    """Does what another process would do, with a connection of its own."""
    try:
        call()
    finally:
        connections.close_all()


def approve(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=100)
    assert stripe_events.post(asked).json()["approved"]
    journal.write_all()


@pytest.fixture
def process(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    settings.DECISION_DEADLINE_MS = 30_000
    settings.FRAUD_HOOKS = [f"{hooks.HERE}.allows"]
    settings.CARD_HISTORY_MAX_AGE_S = AGE_S
    monkeypatch.setattr(followed, "PAUSE_S", 0.0)
    # On a busy machine a look may take longer than in production.
    monkeypatch.setattr(known_pasts, "LOOK_MS", 20_000.0)
    hooks.calls.clear()
    yield Process(monkeypatch)
    together.forget()


def test_a_past_that_nobody_else_changed_is_not_read_again(process: Process) -> None:
    card, other = walkthrough_card(), walkthrough_card()
    for each in (card, other):
        approve(each)

    async def scenario() -> list[int]:
        found = [await process.look(card)]
        process.clock.now_s += AGE_S
        # The first past was read before there was a look. It is followed once its own decisions are seen.
        await process.look(other)
        found.append(await process.look(card))
        for _ in range(6):
            process.clock.now_s += AGE_S / 2
            found.append(await process.look(card))
        return found

    assert asyncio.run(scenario()) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert process.readings == 1


def test_what_another_process_decided_is_seen_with_the_next_look(process: Process) -> None:
    card, other = walkthrough_card(), walkthrough_card()
    for each in (card, other):
        approve(each)

    async def scenario() -> list[int]:
        found = [await process.look(card), await process.look(card), await process.look(other)]
        await asyncio.to_thread(elsewhere, lambda: approve(other))
        found.append(await process.look(card))
        return [*found, await process.look(card), await process.look(other)]

    assert asyncio.run(scenario()) == [1, 2, 1, 3, 4, 3]
    assert process.readings == 1


def test_without_looks_a_past_is_read_by_its_age(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card()
    approve(card)

    async def fail(*_args: Any, **_more: Any) -> Any:
        process.looks += 1
        raise OperationalError("The database did not answer before the time was up.")

    async def scenario() -> list[int]:
        found = [await process.look(card), await process.look(card)]
        monkeypatch.setattr(reading, "look", fail)
        await asyncio.to_thread(elsewhere, lambda: approve(card))
        found.append(await process.look(card))
        process.clock.now_s += AGE_S
        return [*found, await process.look(card)]

    assert asyncio.run(scenario()) == [1, 2, 3, 5]
    assert process.readings == 1
