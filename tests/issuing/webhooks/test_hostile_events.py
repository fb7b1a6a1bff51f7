"""Whatever a genuine delivery holds, the answer is in time and in form, and nothing is lost (money-safety F13)."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from issuing.handlers import dispatch
from issuing.issuers.stripe import foreign_events
from issuing.models import Decision, IssuerEvent, VirtualCard
from tests import stripe_events
from tests.wallets import walkthrough_card

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats()
    | st.text(alphabet=st.characters() | st.sampled_from("\x00\ud800é\uff12"), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value, as the keys that lead to it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *[place for key, member in inner for place in places(member, (*path, key))]]


def with_changed(value: dict[str, Any], place: tuple[Any, ...], new: Any) -> Any:
    changed = copy.deepcopy(value)
    if not place:
        return new
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = new
    return changed


HISTORY = [{"approved": True, "reason": "webhook_approved", "authorization_code": "S1"}]
UNHURRIED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)


class HostileEvents(TestCase):
    card: VirtualCard

    @classmethod
    def setUpTestData(cls) -> None:
        cls.card = walkthrough_card()

    @UNHURRIED
    @given(data=st.data())
    def test_any_change_to_a_request_is_decided_or_kept_as_rejected(self, data: st.DataObject) -> None:
        event = stripe_events.authorization_request(card=self.card.issuer_card_id, history=list(HISTORY))
        hostile = with_changed(event, data.draw(st.sampled_from(places(event))), data.draw(anything))

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
    def test_any_change_to_news_is_handled_kept_or_rejected(self, data: st.DataObject) -> None:
        asked = stripe_events.authorization_request(card=self.card.issuer_card_id)
        stripe_events.post(asked)
        intent = {"id": "pi_1", "status": "succeeded", "metadata": {"funding_charge": "x"}, "last_payment_error": {}}
        event = data.draw(
            st.sampled_from(
                [stripe_events.authorization_update(asked), stripe_events.event("payment_intent.succeeded", intent)]
            )
        )
        hostile = with_changed(event, data.draw(st.sampled_from(places(event))), data.draw(anything))

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
