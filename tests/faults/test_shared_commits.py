"""Faults under decisions that wait together: nobody else's purchase suffers, and each is decided once."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError

from issuing.authorizations import decision_store, together, unknown_commits
from issuing.models import Decision, Hold, SpendWindow, VirtualCard
from issuing.webhooks import event_loop, shedding
from onecard.kit.buffered_wsgi import BufferedWsgi, Lane
from routing.models import RankingRow
from tests.faults.connections import administrator
from tests.support import stripe_events
from tests.support.factories import VirtualCardFactory
from tests.support.together import Delivery, deliver_together, of_stripe, post_together
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db(transaction=True)
END_THOSE_THAT_WAIT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE query LIKE '%issuing_record_decisions%' AND wait_event_type = 'Lock' AND datname = current_database()
"""


@pytest.fixture(autouse=True)
def _empty_memory() -> Iterator[None]:
    yield
    together.forget()


def some_cards(count: int) -> list[VirtualCard]:
    """Cards of one person, after a purchase by which this process knows the rules."""
    first = walkthrough_card()
    stripe_events.post(stripe_events.authorization_request(card=first.issuer_card_id, amount=100))
    return [first, *VirtualCardFactory.create_batch(count - 1, cardholder=first.cardholder)]


def purchase_at(card: VirtualCard) -> dict[str, Any]:
    return stripe_events.authorization_request(card=card.issuer_card_id, amount=100)


def test_a_locked_card_declines_nobody_elses_purchase(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 1900
    cards = some_cards(16)
    assert all(answer["approved"] for answer in post_together([purchase_at(card) for card in cards]))

    with administrator() as admin, admin.transaction():
        admin.execute("SELECT FROM issuing_virtualcard WHERE id = %s FOR UPDATE", [cards[7].pk])
        answers = post_together([purchase_at(card) for card in cards])

    assert [answer["approved"] for answer in answers] == [card != cards[7] for card in cards]
    assert unknown_commits.wait_until_resolved(10)
    assert Hold.objects.filter(status="placed", authorization__card=cards[7]).count() == 1


def test_sessions_that_end_while_many_wait_cost_no_purchase(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 30_000
    cards = some_cards(40)
    asked = [purchase_at(card) for card in cards]

    ended: list[Any] = []

    async def end_them() -> None:
        """Ends the sessions while their statements wait for a table."""
        with administrator() as admin, administrator() as other, admin.transaction():
            admin.execute("LOCK TABLE issuing_journal IN EXCLUSIVE MODE")
            until = time.monotonic() + 10
            while len(ended) < 2 and time.monotonic() < until:
                await asyncio.sleep(0.05)
                ended.extend(other.execute(END_THOSE_THAT_WAIT).fetchall())

    answers = deliver_together([of_stripe(event) for event in asked], beside=end_them)

    assert len(ended) >= 2
    assert {answer.status_code for answer in answers} == {200}
    assert Decision.objects.filter(approved=True, corrected_by=None).count() == 41
    assert sum(SpendWindow.objects.filter(kind="day").values_list("spent_minor", flat=True)) == 41 * 100


def test_a_commit_that_ends_in_any_error_is_taken_back_after_a_decline(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DECISION_DEADLINE_MS = 1000
    (card,) = some_cards(1)
    usual = decision_store.record_many

    async def commit_and_fail(*given: Any, **more: Any) -> Any:
        await usual(*given, **more)
        # Until a thread would have no time any more.
        await asyncio.sleep(0.65)
        raise ValueError("a bug of ours, after the commit")

    monkeypatch.setattr(decision_store, "record_many", commit_and_fail)

    (answer,) = post_together([purchase_at(card)])

    assert (answer["approved"], answer["in_loop"]) == (False, True)
    assert unknown_commits.wait_until_resolved(10)
    assert SpendWindow.objects.get(kind="day").spent_minor == 100


def test_a_commit_in_doubt_is_taken_back_when_its_request_is_shed(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DECISION_DEADLINE_MS = 30_000
    (card,) = some_cards(1)
    usual, busy = decision_store.record_many, threading.Event()

    async def commit_and_fail(*given: Any, **more: Any) -> Any:
        await usual(*given, **more)
        raise OperationalError("the connection broke after the commit")

    monkeypatch.setattr(decision_store, "record_many", commit_and_fail)

    answered = asyncio.run(asked_of_a_busy_server(of_stripe(purchase_at(card)), busy))

    assert b"overloaded" in answered
    assert unknown_commits.wait_until_resolved(10)
    assert Decision.objects.filter(approved=True, corrected_by=None).count() == 1
    assert SpendWindow.objects.get(kind="day").spent_minor == 100


async def asked_of_a_busy_server(delivery: Delivery, busy: threading.Event) -> bytes:
    """Returns the answer of a server whose one thread is busy until then."""

    def hold_the_thread(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        busy.wait(10)
        start_response("200 OK", [])
        return [b"news"]

    lane = Lane(
        "busy",
        threads=1,
        most_waiting=9,
        most_body=65_536,
        body_within_s=1,
        shed_after_s=0.3,
        sheds={delivery.url: shedding.decline_stripe},
        looks_first={delivery.url: partial(event_loop.answer, delivery.door)},
    )
    server = BufferedWsgi(hold_the_thread, lambda _path: lane)
    news = asyncio.create_task(posted(server, replace(delivery, body=b"{}")))
    await asyncio.sleep(0.05)
    answered = await posted(server, delivery)
    busy.set()
    assert await news == b"news"
    return answered


async def posted(server: BufferedWsgi, delivery: Delivery) -> bytes:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": delivery.body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in delivery.headers.items()]
    about = {"type": "http", "method": "POST", "http_version": "1.1", "query_string": b""}
    await server(about | {"path": delivery.url, "headers": headers}, receive, send)
    body: bytes = sent[-1]["body"]
    return body


def test_a_request_that_is_too_old_costs_no_statement(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 1000
    (card,) = some_cards(1)
    statements, usual = [], decision_store.record_many

    async def count(*given: Any, **more: Any) -> Any:
        statements.append(given)
        return await usual(*given, **more)

    assert post_together([purchase_at(card)])[0]["in_loop"]
    monkeypatch.setattr(decision_store, "record_many", count)

    (answer,) = deliver_together([of_stripe(purchase_at(card))], waited_s=0.65)

    assert b"deadline_exceeded" in answer.content
    assert answer.in_loop
    assert not statements
    assert Decision.objects.count() == 2


def test_after_new_rules_each_card_returns_to_the_loop() -> None:
    cards = some_cards(3)
    assert all(answer["in_loop"] for answer in post_together([purchase_at(card) for card in cards]))
    RankingRow.objects.update(reward_rate=1)

    for card in cards * 2:
        post_together([purchase_at(card)])

    assert [post_together([purchase_at(card)])[0]["in_loop"] for card in cards] == [True] * 3
