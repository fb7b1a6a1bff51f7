"""Requests that are decided in the event loop, together: the same decisions, with one commit for many."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from issuing.authorizations import decision_store, together, unknown_commits
from issuing.authorizations.shared_statement import NotTakenError, SharedStatement
from issuing.models import Authorization, Decision, Hold, IssuerEvent, JournalEntry, SpendWindow, VirtualCard
from issuing.webhooks import event_loop
from onecard.kit.admission import Admission
from routing import rulebook
from routing.models import CardSpend, RankingRow
from tests.support import stripe_events
from tests.support.together import post_together
from tests.support.wallets import valued_card, walkthrough_card
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_memory(settings: Any) -> Iterator[None]:
    # On a busy machine a thread may wait longer than an issuer would.
    settings.DECISION_DEADLINE_MS = 30_000
    yield
    together.forget()


def requests(count: int, **more: Any) -> list[dict[str, Any]]:
    card = walkthrough_card().issuer_card_id
    stripe_events.post(stripe_events.authorization_request(card=card, amount=100))
    return [stripe_events.authorization_request(card=card, amount=100, **more) for _ in range(count)]


def test_an_ordinary_request_needs_no_thread() -> None:
    (answer,) = post_together(requests(1))

    assert (answer["approved"], answer["in_loop"]) == (True, True)
    assert Decision.objects.filter(approved=True).count() == Hold.objects.count() == FundingCharge.objects.count() == 2


def test_many_at_once_share_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, usual = [], decision_store.record_many

    async def count(link: Any, decisions: Any, **more: Any) -> Any:
        sizes.append(len(decisions))
        return await usual(link, decisions, **more)

    monkeypatch.setattr(decision_store, "record_many", count)

    answers = post_together(requests(40))

    assert all(answer["approved"] and answer["in_loop"] for answer in answers)
    assert sum(sizes) == 40
    assert len(sizes) <= 5
    assert SpendWindow.objects.get(kind="day").spent_minor == 41 * 100
    assert Authorization.objects.count() == Decision.objects.count() == IssuerEvent.objects.count() == 41


def test_copies_of_one_request_get_one_answer() -> None:
    (asked,) = requests(1)

    answers = post_together([asked] * 20)

    assert len({json.dumps(answer["metadata"]) for answer in answers}) == 1
    assert all(answer["approved"] for answer in answers)
    assert Decision.objects.filter(event__event_id=asked["id"]).count() == 1
    assert SpendWindow.objects.get(kind="day").spent_minor == 200


def test_the_limit_holds_for_all_together() -> None:
    asked = requests(20)
    VirtualCard.objects.update(per_transaction_limit_minor=1000, daily_limit_minor=1000)

    answers = post_together(asked)

    assert sum(answer["approved"] for answer in answers) == 9
    assert SpendWindow.objects.get(kind="day").spent_minor == 1000
    assert Decision.objects.filter(decline_reason="daily_limit_exceeded").count() == 11


def test_a_card_that_was_frozen_since_is_decided_anew() -> None:
    asked = requests(2)
    assert post_together(asked[:1])[0]["in_loop"]
    VirtualCard.objects.update(status="frozen")

    (answer,) = post_together(asked[1:])

    assert (answer["approved"], answer["in_loop"]) == (False, False)
    assert Decision.objects.latest("pk").decline_reason == "card_not_active"


def test_rules_that_changed_since_are_read_anew() -> None:
    asked = requests(2)
    assert post_together(asked[:1])[0]["in_loop"]
    RankingRow.objects.update(reward_rate=1)

    (answer,) = post_together(asked[1:])

    assert (answer["approved"], answer["in_loop"]) == (True, False)
    assert Decision.objects.latest("pk").trace["rulebook_version"] == rulebook.current_version()


def test_a_choice_by_value_sees_the_caps_as_the_purchase_before_left_them(settings: Any) -> None:
    """The sums in the database follow some seconds later, and raise no version."""
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    card = valued_card().issuer_card_id
    stripe_events.post(stripe_events.authorization_request(card=card, amount=100))

    for _ in range(3):
        (answer,) = post_together([stripe_events.authorization_request(card=card, amount=4500)])
        assert (answer["approved"], answer["in_loop"]) == (True, True)

    saw = Decision.objects.latest("pk").trace["value"]
    gold = next(each for each in saw["cards"] if "cap" in each["parts"][0])
    assert gold["parts"][0]["left_before_minor"] - gold["parts"][0]["left_after_minor"] == 4500
    assert [each[4] for each in saw["spend"] if each[0] == gold["card"]] == [9000]
    assert not CardSpend.objects.exists()


@pytest.mark.parametrize(
    "change",
    [{"approved_before": 500}, {"card": "ic_nobody"}, {"cardholder": "ich_stranger"}, {"amount": "x"}, {"mcc": "9999"}],
)
def test_what_is_not_ordinary_goes_to_a_thread(change: dict[str, Any]) -> None:
    requests(0)
    card = VirtualCard.objects.get().issuer_card_id

    (answer,) = post_together([stripe_events.authorization_request(**{"card": card, "amount": 100} | change)])

    assert not answer["in_loop"]
    assert JournalEntry.objects.count() == 0


@pytest.mark.parametrize("error", [OperationalError("gone"), IntegrityError("bad")])
def test_when_a_commit_fails_each_is_decided_alone(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def fail(*_decisions: Any, **_more: Any) -> Any:
        raise error

    asked = requests(5)
    monkeypatch.setattr(decision_store, "record_many", fail)

    answers = post_together(asked)

    assert [(answer["approved"], answer["in_loop"]) for answer in answers] == [(True, False)] * 5
    assert SpendWindow.objects.get(kind="day").spent_minor == 600


def test_a_commit_whose_answer_was_lost_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = decision_store.record_many

    async def commit_and_fail(link: Any, decisions: Any, **more: Any) -> Any:
        await usual(link, decisions, **more)
        raise OperationalError("the connection broke after the commit")

    asked = requests(3)
    monkeypatch.setattr(decision_store, "record_many", commit_and_fail)

    answers = post_together(asked)

    assert [(answer["approved"], answer["in_loop"]) for answer in answers] == [(True, False)] * 3
    assert Decision.objects.count() == 4
    assert SpendWindow.objects.get(kind="day").spent_minor == 400


def test_a_late_request_is_declined_and_takes_nothing(settings: Any) -> None:
    asked = requests(3)
    settings.DECISION_DEADLINE_MS = 1

    answers = post_together(asked)

    assert not any(answer["approved"] for answer in answers)
    assert unknown_commits.wait_until_resolved(10)
    assert SpendWindow.objects.get(kind="day").spent_minor == 100


def test_when_too_many_wait_the_next_is_declined_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = requests(2)
    monkeypatch.setattr(event_loop, "admission", Admission(least=0, most=0, most_waiting=0))

    answers = post_together(asked)

    assert [answer["metadata"]["onecard_reason"] for answer in answers] == ["overloaded"] * 2
    assert all(answer["in_loop"] for answer in answers)
    assert Decision.objects.count() == 1
    assert SpendWindow.objects.get(kind="day").spent_minor == 100


def test_what_was_turned_away_gets_the_same_answer_when_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    (asked,) = requests(1)
    twin, other = (stripe_events.authorization_request(card=walkthrough_card_id(), amount=100) for _ in range(2))
    twin["data"]["object"]["id"] = asked["data"]["object"]["id"]
    with monkeypatch.context() as full:
        full.setattr(event_loop, "admission", Admission(least=0, most=0, most_waiting=0))
        first = post_together([asked])

    again = post_together([asked, twin, other])

    assert again[:2] == first * 2, "the issuer has that answer"
    assert again[2]["approved"], "the card itself is not held back"
    assert Decision.objects.count() == 2


def walkthrough_card_id() -> str:
    return VirtualCard.objects.get().issuer_card_id


def test_what_no_connection_took_in_time_is_not_done() -> None:
    done = []

    async def slow(_link: Any, items: Any, _left_ms: float) -> Any:
        await asyncio.sleep(0.3)
        done.extend(items)
        return items

    async def steps() -> list[Any]:
        shared = SharedStatement(slow, at_once=1, most=1)
        first = asyncio.create_task(shared("first", within_s=5))
        await asyncio.sleep(0.05)
        found = await asyncio.gather(shared("second", within_s=0.05), return_exceptions=True)
        await first
        await asyncio.sleep(0.1)
        shared.forget()
        return found

    (error,) = asyncio.run(steps())

    assert isinstance(error, NotTakenError)
    assert done == ["first"]


def test_a_statement_that_forgets_an_item_fails_at_once_for_all() -> None:
    async def forgetful(_link: Any, items: Any, _left_ms: float) -> Any:
        return items[1:]

    async def steps() -> list[Any]:
        shared = SharedStatement(forgetful, at_once=1, most=8)
        errors = await asyncio.gather(*(shared(item, within_s=20) for item in "ab"), return_exceptions=True)
        shared.forget()
        return errors

    started = time.monotonic()
    assert [type(error) for error in asyncio.run(steps())] == [ValueError] * 2
    assert time.monotonic() - started < 10


def test_a_loop_that_ends_leaves_the_connections_to_the_next() -> None:
    async def slow(_link: Any, items: Any, _left_ms: float) -> Any:
        await asyncio.sleep(0.2)
        return items

    shared = SharedStatement(slow, at_once=1, most=1)

    async def leave_in_the_middle() -> None:
        tasks = [asyncio.create_task(shared(item, within_s=5)) for item in "abc"]
        await asyncio.sleep(0.05)
        assert shared.waiting == 2
        assert not any(task.done() for task in tasks)

    async def come_next() -> str:
        answered = await shared("next", within_s=5)
        shared.forget()
        return answered

    asyncio.run(leave_in_the_middle())

    assert asyncio.run(come_next()) == "next"
