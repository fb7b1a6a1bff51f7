"""A round that is asked again, under the same or other ids, is one round. Only an increment adds to it."""

from decimal import Decimal
from typing import Any

import pytest

from issuing.models import Authorization, Decision, IssuerEvent, VirtualCard
from tests.issuing.clearing.postings import report
from tests.issuing.inbox.contradictions import (
    ONE,
    EventBody,
    card,
    contradictions,
    moved,
    reason,
    under_new_jit_token,
    with_jit,
)
from tests.support import marqeta_events, stripe_events
from tests.support.purchases import deliver_events, update_event
from tests.support.wallets import marqeta_card
from wallet.models import Case, FundingCharge

__all__ = ["card"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("method", "amount"),
    [
        ("pgfs.authorization", Decimal("45.00")),
        ("pgfs.auth_plus_capture", Decimal("45.00")),
        ("pgfs.authorization.account_verification", 0),
    ],
)
def test_marqetas_question_under_new_jit_tokens_is_one_round(method: str, amount: Any) -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, method=method, amount=amount)
    questions = [asked, *(under_new_jit_token(asked) for _ in range(4))]

    answers = [marqeta_events.ask(each) for each in questions]

    assert {answer.status_code for answer in answers} == {200}
    for question, answer in zip(questions, answers, strict=True):
        assert marqeta_events.echoed(question).items() <= marqeta_events.read(answer).items()
    assert len({marqeta_events.read(answer)["tags"] for answer in answers}) == 1
    assert moved() == (ONE if amount else ([], [], []))
    assert (Decision.objects.count(), IssuerEvent.objects.count(), Case.objects.count()) == (1, 5, 0)
    assert marqeta_events.ask(questions[-1]).content == answers[-1].content


def test_marqetas_increment_under_new_jit_tokens_adds_once() -> None:
    first = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    more = marqeta_events.increment(first)

    answers = [marqeta_events.ask(each) for each in (first, more, under_new_jit_token(more), under_new_jit_token(more))]

    assert {answer.status_code for answer in answers} == {200}
    assert moved() == ([500, 4500], [500, 4500], [5000])
    another = marqeta_events.increment(first)
    assert marqeta_events.ask(another).status_code == 200
    assert Authorization.objects.get().approved_minor == 5500


@pytest.mark.parametrize("change", [{"amount": Decimal("46.00")}, {"method": "pgfs.auth_plus_capture"}])
def test_marqetas_repeat_with_other_content_is_declined_with_a_case(change: EventBody) -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(asked)

    answer = marqeta_events.ask(under_new_jit_token(asked, **change))

    assert answer.status_code == 402
    assert "round_contradicts" in marqeta_events.read(answer)["tags"]
    assert moved() == ONE
    assert len(contradictions()) == 1


def test_a_repeat_of_a_declined_question_is_declined_alike() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card(status="frozen").issuer_card_id)

    answers = [marqeta_events.ask(each) for each in (asked, under_new_jit_token(asked))]

    assert [answer.status_code for answer in answers] == [402, 402]
    assert {marqeta_events.read(answer)["decline_reason"] for answer in answers} == {"CARD_NOT_ACTIVE"}
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("by", ["stripe", "marqeta"])
def test_a_repeat_after_the_end_of_the_purchase_is_not_approved(card: VirtualCard, by: str) -> None:
    if by == "stripe":
        asked = stripe_events.authorization_request(card=card.issuer_card_id)
        again = asked | {"id": stripe_events.unique("evt")}
        stripe_events.post(asked)
        deliver_events(update_event(asked, "reversed", amount=0))
        answers = [stripe_events.post(again) for _ in range(2)]
        assert {reason(answer) for answer in answers} == {"authorization_not_open"}
    else:
        asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
        marqeta_events.ask(asked)
        end = {"state": "CLEARED", "method": "pgfs.authorization.reversal"}
        report(marqeta_events.later(asked, "authorization.reversal", **end))
        assert marqeta_events.ask(under_new_jit_token(asked)).status_code == 402
    assert moved()[0] == []


@pytest.mark.parametrize("told_of", [0, 1])
def test_marqetas_no_to_any_of_a_rounds_jit_tokens_gives_it_back(told_of: int) -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    questions = [asked, under_new_jit_token(asked)]
    assert [marqeta_events.ask(each).status_code for each in questions] == [200, 200]

    report(marqeta_events.outcome(questions[told_of], state="DECLINED"))

    assert moved()[0] == []
    assert Authorization.objects.get().status == "declined"


def test_an_increment_by_its_type_alone_belongs_to_its_purchase() -> None:
    first = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(first)

    assert marqeta_events.ask(with_jit(marqeta_events.increment(first), method="pgfs.authorization")).status_code == 200

    assert Authorization.objects.get().approved_minor == 5000


def test_a_plain_question_about_a_stand_in_adds_nothing() -> None:
    told = marqeta_events.standin(card=marqeta_card().issuer_card_id)
    report(told)

    again = with_jit(told, token=marqeta_events.token(), method="pgfs.authorization")
    answer = marqeta_events.ask(again | {"type": "authorization"})

    assert "not_an_increment" in marqeta_events.read(answer)["tags"]
    assert Authorization.objects.get().approved_minor == 4500
    assert not FundingCharge.objects.exists()
