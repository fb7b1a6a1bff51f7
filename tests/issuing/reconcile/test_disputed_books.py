"""Postings of disputes and currency conversions agree with our rows; a missing one is found and posted."""

from dataclasses import replace
from typing import Any

import pytest

from issuing.disputes import lifecycle as disputes
from issuing.disputes.lifecycle import DisputeUpdate, Movement
from issuing.models import CardTransaction, Dispute
from onecard.kit import clock
from onecard.kit.transactions import transaction
from tests.issuing.clearing.postings import record_movement
from tests.issuing.reconcile.books import books, forget_posting, movement, purchase
from wallet.models import Case, Posting

pytestmark = pytest.mark.django_db(transaction=True)


def apply_dispute_update(status: str, *moved: tuple[str, int, str], **more: Any) -> None:
    now = clock.now()
    news = DisputeUpdate(
        provider="stripe",
        dispute_id="idp_1",
        disputed_id="ipi_1",
        status=status,
        amount_minor=4000,
        currency="EUR",
        reported_at=now,
        event_type="test",
        movements=tuple(
            Movement(transaction_type=kind, amount_minor=minor, currency="EUR", occurred_at=now, id=name)
            for kind, minor, name in moved
        ),
    )
    with transaction():
        disputes.apply_update(replace(news, **more))


def foreign_capture() -> CardTransaction:
    bought = purchase()
    found = movement(authorization=bought.issuer_authorization_id, minor=4000)
    abroad = replace(found, currency="EUR", merchant_amount_minor=4320, merchant_currency="USD")
    record_movement(abroad, provider="stripe", source="webhook")
    return CardTransaction.objects.get()


def test_movements_of_a_disputed_foreign_capture_agree_with_the_ledger() -> None:
    foreign_capture()
    apply_dispute_update("submitted", ("chargeback_reversal", 4000, "t2"), ("provisional_debit", 4000, "t4"))
    assert books()[1] == [], "what takes back waits for what it takes back"
    apply_dispute_update("lost", ("chargeback", 4000, "t1"), ("provisional_credit", 4000, "t3"))

    assert set(CardTransaction.objects.values_list("processing_status", flat=True)) == {"settled"}
    assert Posting.objects.filter(kind="card_exchange").count() == 6
    assert books()[1] == []


def test_an_exchange_that_is_not_in_the_ledger_is_found_and_posted_again() -> None:
    kept = foreign_capture()
    forget_posting(f"card_transaction:{kept.pk}:exchange_in")

    assert ("posted_transactions", "missing_there") in books()[1]
    books(fix=True)
    assert Posting.objects.filter(key=f"card_transaction:{kept.pk}:exchange_in").count() == 1
    assert books()[1] == []


def test_a_provisional_credit_that_nobody_works_any_more_is_found() -> None:
    foreign_capture()
    apply_dispute_update("lost", ("provisional_credit", 4000, "t3"))
    assert books()[1] == [], "its case is open"

    Case.objects.filter(kind="dispute").update(status="resolved")
    assert Dispute.objects.get().authorization is not None
    assert books()[1] == [("purchases_in_clearing", "state")]
