"""Stripe's webhook trusts what is signed with one of our secrets and is fresh, and nothing else."""

import json
import time
from typing import Any

import pytest
from django.test import override_settings

from issuing.inbox.bodies import body_of
from issuing.models import IssuerEvent, VirtualCard
from tests.issuing.webhooks.traces import nothing_happened
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db
SECRET, OTHER = "whsec_" + "a" * 12, "whsec_" + "b" * 12


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (lambda body: "", "no header"),
        (lambda body: "t=1", "no signature"),
        (lambda body: "v1=abc", "no timestamp"),
        (lambda body: stripe_events.signed(body, secret=OTHER), "another secret"),
        (lambda body: stripe_events.signed(body + " ", secret=SECRET), "another body"),
        (lambda body: stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) - 310), "too old"),
        (lambda body: stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) + 310), "too new"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace("v1=", "v0="), "only v0"),
        (lambda body: stripe_events.signed(body, secret=SECRET).upper(), "upper case"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace("v1=", "v1=\xe9"), "not ASCII"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace("t=", "t=x"), "timestamp no number"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace(",", ", "), "space after the comma"),
        (lambda body: stripe_events.signed(body, secret=SECRET).replace("t=", "t=1=,t="), "two timestamps"),
        (lambda body: "t=" + "9" * 5000 + ",v1=abc", "huge timestamp"),
    ],
)
@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_a_delivery_that_is_not_genuine_is_refused_and_leaves_nothing(card: VirtualCard, header: Any, why: str) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id))

    response = stripe_events.post(body, header=header(body))

    assert response.status_code == 400, why
    assert "error" in response.json()
    assert nothing_happened()
    assert not IssuerEvent.objects.exists()


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_nothing_is_trusted(card: VirtualCard, secrets: list[str]) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id))
    with override_settings(STRIPE_WEBHOOK_SECRETS=secrets):
        response = stripe_events.post(body, header=stripe_events.signed(body, secret="whsec_x"))

    assert response.status_code == 400
    assert "STRIPE_WEBHOOK_SECRETS" in response.json()["error"]
    assert nothing_happened()


@pytest.mark.parametrize("secret", [SECRET, OTHER])
@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET, OTHER])
def test_any_of_several_secrets_may_sign(card: VirtualCard, secret: str) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id))

    response = stripe_events.post(body, header=stripe_events.signed(body, secret=secret))

    assert response.json()["approved"] is True


@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_one_good_signature_among_several_is_enough(card: VirtualCard) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
    header = stripe_events.signed(body, secret=SECRET)
    response = stripe_events.post(body, header=header.replace("v1=", "v1=" + "0" * 64 + ",v1="))
    assert response.json()["approved"] is True


@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_an_events_signature_may_be_five_minutes_old_or_early(card: VirtualCard) -> None:
    for shift_s in (-290, 290):
        body = json.dumps(stripe_events.event("issuing_card.updated", {"id": card.issuer_card_id}))
        header = stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) + shift_s)
        assert stripe_events.post(body, header=header).json() == {"received": True}


@pytest.mark.parametrize("shift_s", [0, 1, 290])
@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_a_clock_that_is_behind_declines_no_purchase(card: VirtualCard, shift_s: int) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
    header = stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) + shift_s)
    assert stripe_events.post(body, header=header).json()["approved"] is True


@pytest.mark.usefixtures("usual_deadline")
@pytest.mark.parametrize("age_s", [2, 3, 10, 290])
@override_settings(STRIPE_WEBHOOK_SECRETS=[SECRET])
def test_a_question_signed_too_long_ago_is_declined_without_work(
    card: VirtualCard, age_s: int, django_assert_num_queries: Any
) -> None:
    body = json.dumps(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
    header = stripe_events.signed(body, secret=SECRET, timestamp=int(time.time()) - age_s)
    with django_assert_num_queries(0):
        response = stripe_events.post(body, header=header)
    assert (response.status_code, response.json()["approved"]) == (200, False)
    assert response.json()["metadata"]["onecard_reason"] == "deadline_exceeded"
    assert nothing_happened()


@pytest.mark.parametrize(
    "body", ["", "not json", "[]", "7", '"text"', "{}", '{"id": "evt_1"}', "[" * 100_000, '{"id": 5, "type": 6}']
)
def test_a_genuine_body_that_is_no_event_is_refused_and_kept_as_rejected(body: str) -> None:
    for _ in range(2):
        response = stripe_events.post(body)
        assert response.status_code == 400
        assert response.json()["error"]

    event = IssuerEvent.objects.get()
    assert (event.status, body_of(event)) == ("rejected", body.encode())
    assert event.reason
    assert nothing_happened()
