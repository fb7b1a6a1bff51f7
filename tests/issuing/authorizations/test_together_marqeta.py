"""Marqeta's questions that come again, at once, late or beside Stripe's, in the event loop: one purchase each."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError

from issuing.authorizations import decision_store, together, unknown_commits
from issuing.models import Decision, SpendWindow, VirtualCard
from issuing.webhooks import event_loop
from issuing.webhooks.event_loop import IN_DOUBT
from onecard.kit.admission import Admission
from onecard.kit.buffered_wsgi import ARRIVED_AT
from tests.support import marqeta_events, stripe_events
from tests.support.factories import VirtualCardFactory
from tests.support.marqeta_events import gateway_request, read
from tests.support.together import (
    deliver,
    deliver_together,
    of_marqeta,
    of_stripe,
    questions,
    with_another_token,
    without_names,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_memory(settings: Any) -> Iterator[None]:
    # On a busy machine a thread may wait longer than an issuer would.
    settings.DECISION_DEADLINE_MS = 30_000
    yield
    together.forget()


def test_a_repeat_gets_the_same_bytes() -> None:
    (asked,) = questions(1)
    first = deliver(of_marqeta(asked))

    answers = [deliver(of_marqeta(asked)), marqeta_events.ask(asked)]

    assert first.in_loop
    assert {(each.status_code, each.content) for each in answers} == {(first.status_code, first.content)}
    assert Decision.objects.count() == 2


@pytest.mark.parametrize(("amount", "status"), [(1, 200), (501, 402)])
def test_a_repeat_with_another_token_is_answered_with_its_own(amount: int, status: int) -> None:
    questions(0)
    first = gateway_request(card=VirtualCard.objects.get().issuer_card_id, amount=amount)
    again = with_another_token(first)

    answers = [deliver(of_marqeta(each)) for each in (first, again)]

    assert [(each.in_loop, each.status_code) for each in answers] == [(True, status)] * 2
    for asked, answer in zip((first, again), answers, strict=True):
        assert read(answer)["token"] == asked["gpa_order"]["jit_funding"]["token"]
    assert without_names(answers[1]) == without_names(answers[0])
    assert marqeta_events.ask(again).content == answers[1].content
    assert Decision.objects.filter(authorization__issuer_authorization_id=first["token"]).count() == 1


@pytest.mark.parametrize("copy", [lambda asked: asked, with_another_token])
def test_copies_at_once_are_one_purchase(copy: Any) -> None:
    (first,) = questions(1)
    copies = [first, *(copy(first) for _ in range(9))]

    answers = deliver_together([of_marqeta(each) for each in copies])

    assert {each.status_code for each in answers} == {200}
    for asked, answer in zip(copies, answers, strict=True):
        assert read(answer)["token"] == asked["gpa_order"]["jit_funding"]["token"]
    assert len({read(answer)["memo"] for answer in answers}) == 1
    assert Decision.objects.filter(authorization__issuer_authorization_id=first["token"]).count() == 1
    assert SpendWindow.objects.get(kind="day").spent_minor == 200


def test_a_round_that_comes_again_changed_is_declined_with_a_case() -> None:
    (first,) = questions(1)
    changed = with_another_token(first)
    changed["gpa_order"]["jit_funding"]["amount"] = 2

    answers = [deliver(of_marqeta(each)) for each in (first, changed)]

    assert [each.status_code for each in answers] == [200, 402]
    assert "round_contradicts" in read(answers[1])["tags"]
    assert SpendWindow.objects.get(kind="day").spent_minor == 200


def test_both_issuers_share_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    batches, usual = [], decision_store.record_many

    async def count(link: Any, decisions: Any, **more: Any) -> Any:
        batches.append(sorted({proposal["provider"] for proposal, _ in decisions}))
        return await usual(link, decisions, **more)

    of_gateway = questions(8)
    card = VirtualCardFactory(cardholder=VirtualCard.objects.get().cardholder)
    events = [stripe_events.authorization_request(card=card.issuer_card_id, amount=100) for _ in range(8)]
    # The same id at both issuers is two events.
    events[0]["id"] = of_gateway[0]["gpa_order"]["jit_funding"]["token"]
    monkeypatch.setattr(decision_store, "record_many", count)

    answers = deliver_together([*map(of_marqeta, of_gateway), *map(of_stripe, events)])

    assert ["marqeta", "stripe"] in batches
    assert all(each.in_loop and each.status_code == 200 for each in answers)
    for asked, answer in zip(of_gateway, answers, strict=False):
        assert read(answer)["token"] == asked["gpa_order"]["jit_funding"]["token"]
    assert all(json.loads(answer.content)["approved"] for answer in answers[8:])
    assert Decision.objects.count() == 17
    spent = SpendWindow.objects.filter(kind="day").order_by("card__issuer_provider")
    assert list(spent.values_list("card__issuer_provider", "spent_minor")) == [("marqeta", 900), ("stripe", 800)]


def test_when_too_many_wait_the_next_is_declined_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = questions(2)
    told = gateway_request(card=asked[0]["card_token"], method="pgfs.authorization.reversal")
    monkeypatch.setattr(event_loop, "admission", Admission(least=0, most=0, most_waiting=0))

    answers = deliver_together([of_marqeta(each) for each in (*asked, told)])

    assert [(each.in_loop, each.status_code) for each in answers] == [(True, 402), (True, 402), (False, 200)]
    for question, answer in zip(asked, answers, strict=False):
        assert marqeta_events.echoed(question).items() <= read(answer).items()
        assert "onecard_reason=overloaded" in read(answer)["tags"]
    assert Decision.objects.count() == 1
    assert SpendWindow.objects.get(kind="day").spent_minor == 100


def test_a_late_question_is_declined_and_takes_nothing(settings: Any) -> None:
    asked = questions(3)
    settings.DECISION_DEADLINE_MS = 1

    answers = deliver_together([of_marqeta(each) for each in asked])

    assert {each.status_code for each in answers} == {402}
    # One that is not too old yet has less time left than a decision takes.
    reasons = {read(each)["tags"].partition("onecard_reason=")[2] for each in answers}
    assert reasons <= {"deadline_exceeded", "overloaded"}
    assert unknown_commits.wait_until_resolved(10)
    assert SpendWindow.objects.get(kind="day").spent_minor == 100


def test_a_commit_whose_answer_was_lost_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = decision_store.record_many

    async def commit_and_fail(link: Any, decisions: Any, **more: Any) -> Any:
        await usual(link, decisions, **more)
        raise OperationalError("the connection broke after the commit")

    asked = questions(3)
    monkeypatch.setattr(decision_store, "record_many", commit_and_fail)

    answers = deliver_together([of_marqeta(each) for each in asked])

    assert [(each.in_loop, each.status_code) for each in answers] == [(False, 200)] * 3
    assert Decision.objects.count() == 4
    assert SpendWindow.objects.get(kind="day").spent_minor == 400


def test_a_commit_in_doubt_is_taken_back_after_the_decline(settings: Any) -> None:
    asked = questions(1)[0]
    assert deliver(of_marqeta(asked)).status_code == 200
    approved = Decision.objects.latest("pk")
    settings.DECISION_DEADLINE_MS = 1500

    # What the event loop passes on: the question is too old by now, and its commit has an unknown end.
    passed_on = {ARRIVED_AT: time.perf_counter() - 2, IN_DOUBT: [approved.public_id]}
    answer = marqeta_events.ask(asked, **passed_on)

    assert (answer.status_code, read(answer)["decline_reason"]) == (402, "TRANSACTION_NOT_PERMITTED")
    assert unknown_commits.wait_until_resolved(10)
    approved.refresh_from_db()
    assert approved.corrected_by is not None
    assert SpendWindow.objects.get(kind="day").spent_minor == 100
