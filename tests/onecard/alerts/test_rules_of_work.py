"""Work that stands still wakes somebody: the outbox, the journal, the inbox, new cards, charges without an outcome."""

from typing import Any

import pytest

from issuing import journal
from issuing.authorizations import authorize
from issuing.handlers import dispatch
from issuing.models import CardChange, IssuerEvent, VirtualCard
from onecard.kit import clock
from onecard.outbox import services as outbox
from onecard.outbox.models import Message
from tests.onecard.alerts.conftest import Duty
from tests.support import stripe_events
from tests.support.factories import VirtualCardFactory
from tests.support.processors import Obliging
from tests.support.purchases import approve_purchase
from tests.support.wallets import walkthrough_card
from wallet.charges import charge as charges
from wallet.models import FundingCharge
from wallet.processors.base import ChargeOrder, Outcome, OutcomeUnknownError

pytestmark = pytest.mark.django_db


class Silent(Obliging):
    """A processor whose answers are lost, and which finds nothing."""

    def charge(self, order: ChargeOrder) -> Outcome:
        raise OutcomeUnknownError("no answer within 30 s")


def made(card: VirtualCard, *statuses: str) -> None:
    now = clock.now()
    CardChange.objects.bulk_create(
        CardChange(card=card, kind="create", status=status, requested_by="user:1", created_at=now, updated_at=now)
        for status in statuses
    )


def test_an_outbox_that_nobody_empties(duty: Duty) -> None:
    outbox.put(topic="funding.requested", charge_id=1)
    duty.assert_quiet()
    duty.pass_time(minutes=3)

    incident = duty.assert_woken_once("outbox_waits", words="1 message waits in the outbox, the oldest for 3 min")

    Message.objects.update(published_at=clock.now())
    duty.assert_resolved_by_itself(incident)


def test_a_decision_that_nobody_writes_out(duty: Duty) -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authorize.journal, "write_soon", lambda *_event: None)
        assert stripe_events.post(asked).json()["approved"] is True
    duty.assert_quiet()
    duty.pass_time(minutes=3)

    incident = duty.assert_woken_once("journal_waits", words="1 decision is answered")

    journal.write_waiting()
    Message.objects.update(published_at=clock.now())
    duty.assert_resolved_by_itself(incident)


def test_an_event_that_no_worker_handles(duty: Duty) -> None:
    told = stripe_events.event("issuing_card.updated", {"id": "ic_unknown", "object": "issuing.card"})
    assert stripe_events.post(told).status_code == 200
    Message.objects.update(published_at=clock.now())
    duty.assert_quiet()
    duty.pass_time(minutes=3)

    incident = duty.assert_woken_once("inbox_waits", words="1 event of the issuers should")

    dispatch.handle(event_pk=IssuerEvent.objects.get().pk)
    duty.assert_resolved_by_itself(incident)


def test_a_charge_that_stays_without_an_outcome(duty: Duty) -> None:
    approve_purchase(walkthrough_card())
    Message.objects.update(published_at=clock.now())
    charge_id = FundingCharge.objects.get().pk
    charges.charge(charge_id=charge_id, processor=Silent())
    duty.pass_time(minutes=50)
    duty.assert_quiet()
    duty.pass_time(minutes=20)

    incident = duty.assert_woken_once("unknown_charges", words="The outcome of 1 charge is unknown")

    charges.charge(charge_id=charge_id, processor=Obliging())
    Message.objects.update(published_at=clock.now())
    duty.assert_resolved_by_itself(incident)


def test_new_cards_that_their_issuer_refuses(duty: Duty) -> None:
    card: Any = VirtualCardFactory()
    made(card, "refused", *["done"] * 10)
    duty.assert_quiet()
    made(card, "refused")

    incident = duty.assert_woken_once(
        "card_creations", key="stripe", words="Of 12 new cards within an hour 2 were refused: 83.3% succeeded"
    )

    duty.pass_time(minutes=61)
    duty.assert_resolved_by_itself(incident)


def test_a_few_refusals_among_very_many_new_cards_wake_nobody(duty: Duty) -> None:
    made(VirtualCardFactory(), "refused", "refused", *["done"] * 300)

    duty.assert_quiet()


def test_new_cards_that_wait_for_their_issuer(duty: Duty) -> None:
    made(VirtualCardFactory(), "intended")
    duty.assert_quiet()
    duty.pass_time(minutes=16)

    incident = duty.assert_woken_once("card_creations", key="stripe", words="1 new card waits for the issuer")

    CardChange.objects.update(status="done")
    duty.assert_resolved_by_itself(incident)
