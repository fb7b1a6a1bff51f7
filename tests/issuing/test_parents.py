"""What decisions and holds name exists and stays: triggers see to it where foreign keys did (docs/decisions/0070)."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from issuing import journal
from issuing.models import Authorization, Decision, Hold, IssuerEvent, JournalEntry, SpendWindow
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card

NOBODY = 10**9


@pytest.fixture(autouse=True)
def written(db: None) -> None:
    """One approved purchase, with all that follows from it."""
    stripe_events.post(stripe_events.authorization_request(card=walkthrough_card().issuer_card_id))


def copy(row: Decision | Hold, **changes: Any) -> None:
    """Adds the same row once more, with changes."""
    row.pk = None
    row.public_id = None if isinstance(row, Hold) else "38656ceb-5aba-4e8e-a848-ec1c2863039a"
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(force_insert=True)


@pytest.mark.parametrize("name", ["event_id", "authorization_id"])
def test_a_decision_about_nothing_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match="A decision names"):
        copy(Decision.objects.get(), obligation=None, round_key="2", **{"event_id": event().pk, name: NOBODY})


@pytest.mark.parametrize("name", ["authorization_id", "day_id", "month_id", "decision_id"])
def test_a_hold_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match="A hold names"):
        copy(Hold.objects.get(), **{"decision": None, name: NOBODY})


def test_each_row_of_a_statement_is_checked() -> None:
    hold = Hold.objects.get()
    rows = [Hold(**fields(hold) | {"decision_id": None, "day_id": day}) for day in (hold.day_id, NOBODY)]

    with pytest.raises(IntegrityError, match="A hold names"), transaction.atomic():
        Hold.objects.bulk_create(rows)
    assert Hold.objects.count() == 1
    Hold.objects.bulk_create(rows[:1])


@pytest.mark.parametrize("name", ["authorization_id", "day_id", "month_id", "decision_id"])
def test_a_hold_moves_to_nothing_else(name: str) -> None:
    with pytest.raises(IntegrityError, match="is evidence"):
        Hold.objects.update(**{name: NOBODY})


@pytest.mark.parametrize("model", [Authorization, SpendWindow, IssuerEvent, Decision])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = id + 1000"])
def test_what_they_name_is_neither_deleted_nor_renamed(model: Any, statement: str) -> None:
    with pytest.raises(IntegrityError, match="is evidence"), connection.cursor() as cursor:
        cursor.execute(statement.format(model._meta.db_table))


def test_an_entry_whose_window_is_not_there_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(journal, "write_soon", lambda *_event: None)
        stripe_events.post(stripe_events.authorization_request(card=Authorization.objects.get().card.issuer_card_id))
    JournalEntry.objects.update(day_id=NOBODY)

    with pytest.raises(IntegrityError, match="A hold names"), transaction.atomic():
        journal.write_of(cards=[JournalEntry.objects.get().card_id])
    assert (Decision.objects.count(), Hold.objects.count(), JournalEntry.objects.count()) == (1, 1, 1)


def event() -> IssuerEvent:
    return IssuerEvent.objects.create(
        provider="stripe", event_id="evt_other", event_type="x", status="handled", fingerprint="f",
        received_at=Decision.objects.get().decided_at,
    )  # fmt: skip


def fields(hold: Hold) -> dict[str, Any]:
    return {each.attname: getattr(hold, each.attname) for each in Hold._meta.concrete_fields if not each.primary_key}
