"""An event id or a jit token is bound to its door and to what it asked; other content under it is kept with a case."""

import json
from decimal import Decimal

import pytest

from issuing.inbox.bodies import body_of
from issuing.models import IssuerEvent, VirtualCard
from tests.issuing.inbox.contradictions import ONE, EventBody, card, contradictions, moved, other_card, reason, with_jit
from tests.support import marqeta_events, stripe_events
from tests.support.wallets import marqeta_card
from wallet.models import Case, FundingCharge

__all__ = ["card"]
pytestmark = pytest.mark.django_db


def test_a_used_event_id_with_another_purchase_is_declined_and_kept(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    first = stripe_events.post(asked)
    other = stripe_events.authorization_request(card=other_card().issuer_card_id, amount=900) | {"id": asked["id"]}

    answers = [stripe_events.post(other) for _ in range(2)]

    assert {reason(answer) for answer in answers} == {"event_id_reused"}
    assert moved() == ONE
    assert {body_of(event) for event in IssuerEvent.objects.all()} == {
        json.dumps(each).encode() for each in (asked, other)
    }
    (case,) = contradictions()
    assert case.reference.startswith("issuerevent:")
    assert asked["id"] in case.summary
    assert stripe_events.post(asked).content == first.content, "the first one's answer stands"


@pytest.mark.parametrize("change", [{"amount": 4600}, {"currency": "eur"}, {"mcc": "5411"}, {"approved_before": 100}])
def test_a_used_event_id_with_one_other_fact_is_declined(card: VirtualCard, change: EventBody) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)
    other = stripe_events.authorization_request(
        card=card.issuer_card_id, authorization=asked["data"]["object"]["id"], **change
    )

    assert reason(stripe_events.post(other | {"id": asked["id"]})) == "event_id_reused"
    assert moved() == ONE


def test_a_redelivery_written_anew_gets_the_same_bytes(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    first = stripe_events.post(asked)

    again = json.dumps(dict(reversed(asked.items())) | {"pending_webhooks": 7}, indent=2, sort_keys=True)

    assert stripe_events.post(again).content == first.content
    assert (IssuerEvent.objects.count(), Case.objects.count()) == (1, 0)


def test_an_events_id_does_not_answer_a_request(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(stripe_events.authorization_update(asked) | {"id": asked["id"]})

    assert reason(stripe_events.post(asked)) == "event_id_reused"
    assert not FundingCharge.objects.exists()
    assert IssuerEvent.objects.count() == 2


def test_an_event_under_a_requests_id_is_kept_with_a_case(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)

    told = stripe_events.authorization_update(asked, status="reversed", amount=0) | {"id": asked["id"]}
    assert [stripe_events.post(told).status_code for _ in range(2)] == [200, 200]

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["handled", "kept"]
    assert len(contradictions()) == 1


def test_two_messages_under_one_id_are_both_kept(card: VirtualCard) -> None:
    def capture(amount: int) -> EventBody:
        content = {"id": stripe_events.unique("ipi"), "type": "capture", "amount": -amount, "currency": "usd"}
        return stripe_events.event("issuing_transaction.created", content | {"card": card.issuer_card_id})

    first = capture(4500)
    second = capture(900) | {"id": first["id"]}

    for told in (first, second, second | {"pending_webhooks": 3}, first):
        assert stripe_events.post(told).status_code == 200

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["kept", "received"]
    assert {json.loads(body_of(each))["data"]["object"]["id"] for each in IssuerEvent.objects.all()} == {
        each["data"]["object"]["id"] for each in (first, second)
    }
    assert len(contradictions()) == 1


@pytest.mark.parametrize(("amount", "cases"), [(4500, 0), (9900, 1)])
def test_one_event_in_two_api_versions_is_no_contradiction(card: VirtualCard, amount: int, cases: int) -> None:
    """While an account is upgraded, each event comes in two shapes (docs/issuers/stripe.md, API upgrades)."""
    told = stripe_events.authorization_update(stripe_events.authorization_request(card=card.issuer_card_id))
    content = told["data"]["object"]
    newer = {"data": {"object": content | {"a_new_field": 1, "amount": amount}}, "api_version": "2026-10-28.endive"}

    for each in (told, told | newer):
        assert stripe_events.post(each).status_code == 200

    assert (IssuerEvent.objects.count(), len(contradictions())) == (1 + cases, cases)


def test_a_malformed_question_under_a_used_id_is_kept_beside_it(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)

    assert reason(stripe_events.post(asked | {"data": {"object": {"id": "x"}}})) == "malformed_request"

    assert IssuerEvent.objects.count() == 2
    assert moved() == ONE


def test_a_used_jit_token_with_another_amount_is_declined_and_kept() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    first = marqeta_events.ask(asked)
    other = with_jit(asked, amount=Decimal("450.00"))

    answers = [marqeta_events.ask(other) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [402, 402]
    assert marqeta_events.read(answers[0])["amount"] == Decimal("450.00")
    assert moved() == ONE
    assert IssuerEvent.objects.count() == 2
    assert len(contradictions()) == 1
    assert marqeta_events.ask(asked).content == first.content


@pytest.mark.parametrize("change", ["purchase", "card", "method", "merchant"])
def test_a_used_jit_token_with_another_fact_is_declined(change: str) -> None:
    card = marqeta_card()
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    marqeta_events.ask(asked)
    other = {
        "purchase": lambda: asked | {"token": marqeta_events.token()},
        "card": lambda: asked | {"card_token": other_card(issuer_provider="marqeta").issuer_card_id},
        "method": lambda: with_jit(asked, method="pgfs.auth_plus_capture"),
        "merchant": lambda: asked | {"card_acceptor": asked["card_acceptor"] | {"mcc": "5411"}},
    }[change]()

    answer = marqeta_events.ask(other)

    assert answer.status_code == 402
    assert "event_id_reused" in marqeta_events.read(answer)["tags"]
    assert moved() == ONE
    assert IssuerEvent.objects.count() == 2


def test_a_gateway_retry_with_reordered_keys_gets_the_same_bytes() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id, amount=Decimal("45.00"))
    first = marqeta_events.ask(asked)

    again = with_jit(dict(reversed(asked.items())), amount=45)

    assert marqeta_events.ask(again).content == first.content
    assert (IssuerEvent.objects.count(), Case.objects.count()) == (1, 0)


def test_a_notice_under_a_questions_jit_token_is_kept_beside_it() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    marqeta_events.ask(asked)

    marqeta_events.ask(with_jit(asked, method="pgfs.authorization.reversal"))

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["handled", "kept"]
    assert len(contradictions()) == 1


def test_marqetas_row_told_again_with_another_amount_is_kept_with_a_case() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    row = marqeta_events.outcome(asked)

    for told in (row, row | {"response": {"code": "0000", "memo": "told again"}}, row | {"amount": Decimal("9.00")}):
        assert marqeta_events.report({"transactions": [told]}).status_code == 200

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["kept", "received"]
    assert len(contradictions()) == 1
