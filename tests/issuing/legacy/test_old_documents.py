"""Old documents about purchases are neither linked with ours nor booked nor paid out."""

import datetime as dt
from typing import Any

import pytest

from issuing.clearing import manual_matching
from issuing.handlers import dispatch
from issuing.models import Authorization, CardTransaction, IssuerEvent, VirtualCard
from onecard.kit import clock
from tests.issuing.clearing.postings import posted, report
from tests.issuing.clearing.refunds import captured_purchase
from tests.support import stripe_events
from tests.support.purchases import approve_purchase, deliver_events, transaction_event, update_event
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.models import Case, FundingRefund, Posting

pytestmark = pytest.mark.django_db


def old(card: VirtualCard, kind: str, *, minor: int = 4500, **changes: Any) -> CardTransaction:
    """A row of the import, with the merchant of the tests' purchases."""
    known = {
        "issuer_transaction_id": stripe_events.unique("old"),
        "issuer_event_type": "old",
        "processing_status": "settled",
        "currency": "USD",
        "mcc": "5812",
        "merchant_name": "Starbucks Coffee",
        "occurred_at": dt.datetime(2026, 5, 4, 10, tzinfo=dt.UTC),
        "recorded_at": clock.now(),
    }
    return CardTransaction.objects.create(
        provider=card.issuer_provider,
        card=card,
        source="legacy",
        transaction_type=kind,
        amount_minor=minor,
        **known | changes,
    )


@pytest.mark.parametrize("kind", ["authorization", "settlement", "reversal", "refund"])
def test_they_leave_alone_what_is_told_of_a_purchase_that_they_name(kind: str) -> None:
    card = walkthrough_card()
    asked = approve_purchase(card)
    name = asked["data"]["object"]["id"]
    row = old(card, kind, issuer_authorization_id=name)

    deliver_events(update_event(asked, "pending"), transaction_event(asked, 4000), update_event(asked, "closed"))

    row.refresh_from_db()
    assert row.authorization is None
    assert Authorization.objects.get().status == "settled"
    booked = Posting.objects.filter(kind__in=("capture", "merchant_refund"))
    assert list(booked.values_list("amount_minor", flat=True)) == [4000]


def test_one_that_names_a_capture_stays_where_it_is() -> None:
    card = walkthrough_card()
    asked = approve_purchase(card)
    capture = transaction_event(asked, 4500)
    row = old(card, "refund", issuer_authorization_id=capture["data"]["object"]["id"])
    deliver_events(capture)
    row.refresh_from_db()
    assert (row.authorization, Posting.objects.filter(kind="merchant_refund").count()) == (None, 0)


@pytest.mark.parametrize("minor", [4500, 1200])
def test_a_refund_of_theirs_is_not_joined_and_not_paid_out(minor: int) -> None:
    card = marqeta_card()
    row = old(card, "refund", minor=minor, occurred_at=dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC))
    _, capture = captured_purchase(card)

    report(capture)

    row.refresh_from_db()
    assert row.authorization is None
    assert not FundingRefund.objects.exists()
    assert not Case.objects.filter(kind="refund_unlinked").exists()
    assert "old document" in manual_matching.why_not(row)


def test_a_document_that_posts_nothing_stays_unbooked_when_reported_again() -> None:
    card = walkthrough_card()
    asked = approve_purchase(card)
    event = posted(asked)
    row = old(card, "authorization", issuer_transaction_id=event["data"]["object"]["id"])
    stripe_events.post(event)

    assert dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk) == "handled"

    row.refresh_from_db()
    assert row.transaction_type == "authorization"
    assert not Posting.objects.filter(key=row.reference).exists()
    assert Case.objects.get().kind == "transaction_differs"
