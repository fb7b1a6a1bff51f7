"""Marqeta's questions that race, with real threads on real PostgreSQL (money-safety I5, I6, F1)."""

from typing import Any

import pytest

from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow
from onecard.outbox.models import Message
from tests.support import marqeta_events
from tests.support.factories import VirtualCardFactory
from tests.support.threads import at_once
from tests.support.wallets import copy_wallet, walkthrough_card
from wallet.models import Case, FundingCharge, FundingObligation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _patient(settings: Any) -> None:
    """Dozens of threads on two cores queue for longer than a real issuer would wait."""
    settings.DECISION_DEADLINE_MS = 30_000


def ask_at_once(questions: list[dict[str, Any]]) -> list[Any]:
    return at_once([lambda question=question: marqeta_events.ask(question) for question in questions])


def test_twenty_concurrent_requests_make_one_decision_with_one_answer() -> None:
    card = walkthrough_card(issuer_provider="marqeta", issuer_card_id=marqeta_events.token())

    answers = ask_at_once([marqeta_events.gateway_request(card=card.issuer_card_id)] * 20)

    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    for model in (Decision, IssuerEvent, Authorization, Hold, FundingCharge, Message):
        assert model.objects.count() == 1
    assert SpendWindow.objects.get(kind="day").spent_minor == 4500


def test_racing_questions_for_the_last_amount_give_one_approval() -> None:
    values = {"issuer_provider": "marqeta", "issuer_card_id": marqeta_events.token(), "daily_limit_minor": 4500}
    card = walkthrough_card(**values)

    answers = ask_at_once([marqeta_events.gateway_request(card=card.issuer_card_id) for _ in range(16)])

    assert sorted(answer.status_code for answer in answers) == [200] + [402] * 15
    assert {marqeta_events.read(each).get("decline_reason") for each in answers} == {None, "AMOUNT_LIMIT_EXCEEDED"}


def test_the_same_batch_at_once_is_stored_once() -> None:
    envelope = {"transactions": [{"token": f"t{n}", "type": "made.up", "state": "PENDING"} for n in range(10)]}

    answers = at_once([lambda: marqeta_events.report(envelope)] * 12)

    assert {answer.status_code for answer in answers} == {200}
    assert IssuerEvent.objects.count() == Message.objects.count() == 10


@pytest.mark.parametrize("method", ["pgfs.authorization", "pgfs.auth_plus_capture"])
def test_one_purchase_under_twenty_jit_tokens_at_once_holds_once(method: str) -> None:
    card = walkthrough_card(issuer_provider="marqeta", issuer_card_id=marqeta_events.token())
    asked = marqeta_events.gateway_request(card=card.issuer_card_id, method=method)
    order = asked["gpa_order"]
    questions = [
        asked | {"gpa_order": order | {"jit_funding": order["jit_funding"] | {"token": marqeta_events.token()}}}
        for _ in range(20)
    ]

    answers = ask_at_once(questions)

    assert {answer.status_code for answer in answers} == {200}
    for question, answer in zip(questions, answers, strict=True):
        assert marqeta_events.read(answer)["token"] == question["gpa_order"]["jit_funding"]["token"]
    assert (Decision.objects.count(), Hold.objects.count(), FundingCharge.objects.count()) == (1, 1, 1)
    assert SpendWindow.objects.get(kind="day").spent_minor == 4500
    assert IssuerEvent.objects.count() == 20


def test_one_purchase_with_two_cards_at_once_charges_one_person() -> None:
    first = walkthrough_card(issuer_provider="marqeta", issuer_card_id=marqeta_events.token())
    other = VirtualCardFactory(issuer_provider="marqeta", issuer_card_id=marqeta_events.token())
    copy_wallet(first.cardholder, other.cardholder)
    token = marqeta_events.token()
    cards = [first.issuer_card_id, other.issuer_card_id] * 4

    answers = ask_at_once([marqeta_events.gateway_request(card=card, token=token) for card in cards])

    purchase = Authorization.objects.get()
    approved = [card for card, answer in zip(cards, answers, strict=True) if answer.status_code == 200]
    assert approved == [purchase.card.issuer_card_id] * 4
    assert purchase.approved_minor == 4500
    assert FundingObligation.objects.get().cardholder == purchase.card.cardholder
    assert Case.objects.filter(kind="event_contradiction", status="open").count() == 1
