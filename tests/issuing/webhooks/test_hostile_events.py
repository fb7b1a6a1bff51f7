"""Whatever a genuine delivery holds, the answer is in time and in form, and nothing is lost (money-safety F13)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from issuing.handlers import dispatch
from issuing.issuers.stripe import foreign_events
from issuing.models import Decision, IssuerEvent, VirtualCard
from tests.issuing.webhooks.hostile_values import UNHURRIED, any_value, places_in, with_changed
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card

HISTORY = [{"approved": True, "reason": "webhook_approved", "authorization_code": "S1"}]


class HostileEvents(TestCase):
    card: VirtualCard

    @classmethod
    def setUpTestData(cls) -> None:
        cls.card = walkthrough_card()

    @UNHURRIED
    @given(data=st.data())
    def test_any_change_to_a_request_is_decided_or_kept_as_rejected(self, data: st.DataObject) -> None:
        event = stripe_events.authorization_request(card=self.card.issuer_card_id, history=list(HISTORY))
        hostile = with_changed(event, data.draw(st.sampled_from(places_in(event))), data.draw(any_value))

        response = stripe_events.post(json.dumps(hostile))

        assert response.status_code in (200, 400), response.content
        stored = IssuerEvent.objects.get()
        if response.status_code == 400:
            assert (stored.status, bool(stored.reason)) == ("rejected", True)
        elif "approved" in response.json():
            reason = response.json()["metadata"].get("onecard_reason")
            # What is not ours is kept; all else is decided, or rejected because it cannot be read.
            is_foreign = reason in foreign_events.WHAT_TO_DO
            assert (stored.status == ("kept" if is_foreign else "rejected")) is not Decision.objects.exists()
            assert reason != "unavailable"
        else:
            assert response.json() == {"received": True}

    @UNHURRIED
    @given(data=st.data())
    def test_any_change_to_an_event_is_handled_kept_or_rejected(self, data: st.DataObject) -> None:
        asked = stripe_events.authorization_request(card=self.card.issuer_card_id)
        stripe_events.post(asked)
        intent = {"id": "pi_1", "status": "succeeded", "metadata": {"funding_charge": "x"}, "last_payment_error": {}}
        event = data.draw(
            st.sampled_from(
                [stripe_events.authorization_update(asked), stripe_events.event("payment_intent.succeeded", intent)]
            )
        )
        hostile = with_changed(event, data.draw(st.sampled_from(places_in(event))), data.draw(any_value))

        response = stripe_events.post(json.dumps(hostile))

        assert response.status_code in (200, 400), response.content
        for waiting in IssuerEvent.objects.filter(status="received"):
            assert dispatch.handle(event_pk=waiting.pk) in ("handled", "kept", "rejected", "received")


@pytest.mark.parametrize("body", [b"\xff\xfe{}", b'{"id": "evt_1\xff"}'])
@pytest.mark.django_db
def test_a_body_that_is_not_utf_8_cannot_be_genuine(body: bytes) -> None:
    from django.test import Client

    response = Client().post(
        stripe_events.URL, data=body, content_type="application/json", headers={"Stripe-Signature": "t=1,v1=a"}
    )

    assert response.status_code == 400
    assert not IssuerEvent.objects.exists()
