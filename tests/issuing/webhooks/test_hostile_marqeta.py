"""Whatever a proven delivery of Marqeta holds, the answer is in form, and nothing is lost (money-safety F13)."""

import json

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from issuing.handlers import dispatch
from issuing.models import Decision, IssuerEvent, VirtualCard
from tests.issuing.webhooks.hostile_values import UNHURRIED, any_value, places_in, with_changed
from tests.support import marqeta_events
from tests.support.marqeta_events import gateway_request, increment, later, outcome, standin
from tests.support.wallets import walkthrough_card


class HostileMarqeta(TestCase):
    card: VirtualCard

    @classmethod
    def setUpTestData(cls) -> None:
        cls.card = walkthrough_card(issuer_provider="marqeta", issuer_card_id=marqeta_events.token())

    @UNHURRIED
    @given(data=st.data())
    def test_any_change_to_a_question_is_decided_or_kept(self, data: st.DataObject) -> None:
        first = gateway_request(card=self.card.issuer_card_id, amount=45)
        asked = data.draw(st.sampled_from([first, increment(first, amount=5)]))
        hostile = with_changed(asked, data.draw(st.sampled_from(places_in(asked))), data.draw(any_value))

        response = marqeta_events.ask(json.dumps(hostile))

        assert response.status_code in (200, 402, 400), response.content
        stored = IssuerEvent.objects.get()
        if response.status_code == 400:
            assert (stored.status, bool(stored.reason)) == ("rejected", True)
            return
        answer = marqeta_events.read(response)
        assert ("decline_reason" in answer) is (response.status_code == 402)
        assert "onecard_reason=unavailable" not in answer.get("tags", "")
        assert Decision.objects.exists() is (stored.status == "handled")

    @UNHURRIED
    @given(data=st.data())
    def test_any_change_to_a_row_is_handled_kept_or_rejected(self, data: st.DataObject) -> None:
        asked = gateway_request(card=self.card.issuer_card_id, amount=45)
        marqeta_events.ask(asked)
        rows = [
            outcome(asked),
            outcome(asked, state="DECLINED", timed_out=True),
            later(asked, "authorization.clearing"),
            later(asked, "authorization.reversal", state="CLEARED"),
            standin(card=self.card.issuer_card_id, amount=45),
        ]
        envelope = {"transactions": [data.draw(st.sampled_from(rows))]}
        hostile = with_changed(envelope, data.draw(st.sampled_from(places_in(envelope))), data.draw(any_value))

        response = marqeta_events.report(json.dumps(hostile))

        assert response.status_code in (200, 400), response.content
        for waiting in IssuerEvent.objects.filter(status="received"):
            assert dispatch.handle(event_pk=waiting.pk) in ("handled", "kept", "rejected", "received")
