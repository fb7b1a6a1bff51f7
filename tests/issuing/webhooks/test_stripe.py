"""Stripe's webhook: what it answers to a request and what it stores."""

import json
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from issuing.inbox.bodies import body_of
from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from onecard.outbox.models import Message
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import FundingCharge, FundingObligation

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.mark.parametrize("url", ["/stripe-webhook", "/api/webhooks/stripe-issuing"])
def test_an_approval_commits_its_hold_charge_trail_and_message(card: VirtualCard, url: str) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)

    response = stripe_events.post(asked, url=url)

    assert response.status_code == 200
    assert response.json()["approved"] is True
    assert response["Stripe-Version"] == "2024-06-20"
    assert "commit;dur=" in response["Server-Timing"]
    decision = Decision.objects.get()
    assert (decision.rule, decision.amount_minor, decision.currency) == ("backup_without_cash", 4500, "USD")
    assert bytes(decision.response) == response.content
    assert {"verify", "decode", "read", "choose", "record"} <= set(decision.timings_ms)
    charge = FundingCharge.objects.get()
    assert charge.method.network == "mastercard"
    assert (charge.status, charge.obligation.amount_minor) == ("intended", 4500)
    assert charge.obligation == decision.obligation
    assert Message.objects.get().payload == {"charge_id": charge.pk}
    assert Entry.objects.get().action == "authorization.approved"
    assert sorted(SpendWindow.objects.values_list("kind", "spent_minor")) == [("day", 4500), ("month", 4500)]
    assert Hold.objects.get().amount_minor == 4500
    event = IssuerEvent.objects.get()
    assert (event.status, json.loads(body_of(event))) == ("handled", asked)


def test_the_trace_names_every_method_with_its_row_and_effective_reward(card: VirtualCard) -> None:
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id))

    trace = Decision.objects.get().trace

    effective = {candidate["network"]: candidate["effective_reward"] for candidate in trace["candidates"]}
    assert effective == {"amex": "2", "mastercard": "1.5", "visa": "0.5", "discover": "0.5"}
    assert all(candidate["row_version"] == 1 for candidate in trace["candidates"])
    assert trace["rulebook_version"] > 0
    assert trace["significantly_better"] == "1.5"


def test_the_same_event_in_turn_gets_the_same_bytes_and_one_hold(card: VirtualCard) -> None:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)

    answers = {stripe_events.post(asked).content for _ in range(3)}

    assert len(answers) == 1
    assert (Decision.objects.count(), Hold.objects.count(), FundingCharge.objects.count()) == (1, 1, 1)
    assert SpendWindow.objects.get(kind="day").spent_minor == 4500


def test_a_second_event_for_the_same_round_gets_the_first_answer(card: VirtualCard) -> None:
    first = stripe_events.authorization_request(card=card.issuer_card_id)
    twin = first | {"id": stripe_events.unique("evt")}

    assert stripe_events.post(first).content == stripe_events.post(twin).content

    assert Decision.objects.count() == 1
    assert IssuerEvent.objects.count() == 2
    assert SpendWindow.objects.get(kind="day").spent_minor == 4500


def test_an_increment_repeats_the_id_and_adds_only_its_own_amount(card: VirtualCard) -> None:
    first = stripe_events.authorization_request(card=card.issuer_card_id, amount=3000)
    more = stripe_events.authorization_request(
        card=card.issuer_card_id,
        authorization=first["data"]["object"]["id"],
        amount=500,
        approved_before=3000,
        history=[{"approved": True, "amount": 3000, "reason": "webhook_approved"}],
    )

    assert [stripe_events.post(event).json()["approved"] for event in (first, more)] == [True, True]

    authorization = Authorization.objects.get()
    assert authorization.approved_minor == 3500
    assert sorted(FundingObligation.objects.values_list("amount_minor", flat=True)) == [500, 3000]
    assert SpendWindow.objects.get(kind="month").spent_minor == 3500


def test_a_declined_increment_leaves_the_earlier_approval_standing(card: VirtualCard) -> None:
    first = stripe_events.authorization_request(card=card.issuer_card_id, amount=40_000)
    more = stripe_events.authorization_request(
        card=card.issuer_card_id,
        authorization=first["data"]["object"]["id"],
        amount=20_000,
        approved_before=40_000,
        history=[{"approved": True}],
    )

    assert [stripe_events.post(event).json()["approved"] for event in (first, more)] == [True, False]

    authorization = Authorization.objects.get()
    assert (authorization.status, authorization.approved_minor) == ("approved", 40_000)
    assert Decision.objects.latest("id").decline_reason == "per_transaction_limit_exceeded"


def test_other_known_and_unknown_events_are_stored_once_and_acknowledged(card: VirtualCard) -> None:
    for kind in ("issuing_authorization.created", "issuing_transaction.created", "made.up.yesterday"):
        happened = stripe_events.event(kind, {"id": "obj_1"})
        for _ in range(2):
            response = stripe_events.post(happened)
            assert (response.status_code, response.json()) == (200, {"received": True})

    assert IssuerEvent.objects.filter(status="received").count() == 3
    assert Message.objects.filter(topic="inbox.received").count() == 3


def test_a_body_over_the_bound_is_refused_unread() -> None:
    response = stripe_events.post('{"id": "' + "x" * 2_000_000 + '"}')

    assert response.status_code == 413
    assert not IssuerEvent.objects.exists()


def test_only_post_is_understood() -> None:
    assert Client().get("/stripe-webhook").status_code == 405


def test_the_decision_takes_two_statements(card: VirtualCard, django_assert_num_queries: Any) -> None:
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))

    # The decision's two statements go beside the ORM, so the one counted here is the journal's, after the decision.
    with django_assert_num_queries(1):
        assert stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id)).json()["approved"]


@pytest.mark.parametrize("accept", ["*/*; q=0.5, application/xml", "text/html", "application/xml", "nonsense"])
def test_the_accept_header_declines_nothing(card: VirtualCard, accept: str) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id))

    response = Client().post(
        stripe_events.URL,
        data=body.encode(),
        content_type="application/json",
        headers={"Stripe-Signature": stripe_events.signed(body), "Accept": accept},
    )

    assert response.json()["approved"] is True
