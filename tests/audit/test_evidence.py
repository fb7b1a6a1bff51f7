"""Evidence is added, never changed or deleted: the database itself refuses (money-safety I2)."""

import pytest
from django.db import DatabaseError, transaction

from audit import trail
from audit.models import Entry
from issuing.models import Decision, EventBody, IssuerEvent
from onecard.kit.transactions import TransactionError
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _purchase() -> None:
    stripe_events.post(stripe_events.authorization_request(card=walkthrough_card().issuer_card_id))


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (Entry, {"actor": "nobody"}),
        (Decision, {"approved": False}),
        (Decision, {"trace": {}}),
        (EventBody, {"body": b"{}"}),
        (IssuerEvent, {"event_id": "evt_other"}),
        (IssuerEvent, {"fingerprint": "0" * 64}),
        (IssuerEvent, {"received_at": "2020-01-01T00:00:00Z"}),
    ],
)
def test_evidence_cannot_be_changed(model: type, changes: dict[str, object]) -> None:
    with pytest.raises(DatabaseError, match="evidence"), transaction.atomic():
        model.objects.update(**changes)  # type: ignore[attr-defined]


@pytest.mark.parametrize("table", ["audit_entry", "issuing_decision", "issuing_issuerevent", "issuing_eventbody"])
def test_evidence_cannot_be_deleted(table: str) -> None:
    from django.db import connection

    with pytest.raises(DatabaseError, match="evidence"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


def test_an_events_result_may_be_updated() -> None:
    assert IssuerEvent.objects.update(status="kept", reason="seen") == 1


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionError):
        trail.record(actor="user:1", action="method.disabled", subject=FundingCharge.objects.get())


def test_an_entry_rolls_back_with_its_change() -> None:
    before = Entry.objects.count()
    with transaction.atomic():
        trail.record(actor="user:1", action="charge.looked_at", subject=FundingCharge.objects.get())
        transaction.set_rollback(True)
    assert Entry.objects.count() == before
