"""A row is inserted once, however many workers insert it."""

import datetime as dt

import pytest
from django.db import IntegrityError

from audit.models import Entry
from onecard.kit.insert_once import insert_once
from onecard.kit.transactions import TransactionError, savepoint, transaction
from tests.support.threads import at_once
from wallet.models import Posting

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def posting(amount_minor: int = 500) -> Posting:
    return Posting(
        key="charge:1",
        kind="charge",
        debit="processor",
        credit="purchases",
        amount_minor=amount_minor,
        currency="USD",
        reference="authorization:1",
        occurred_at=NOW,
        recorded_at=NOW,
    )


def written(amount_minor: int = 500) -> bool:
    with transaction():
        return insert_once(posting(amount_minor), unique=("key",))


@pytest.mark.django_db
def test_a_new_row_gets_its_key_and_reads_back_as_it_was_given() -> None:
    row = posting()
    assert insert_once(row, unique=("key",))
    kept = Posting.objects.get(pk=row.pk)
    assert (kept.amount_minor, kept.occurred_at, kept.debit) == (500, NOW, "processor")


@pytest.mark.django_db
def test_a_second_row_changes_nothing() -> None:
    assert written(500)
    assert not written(700)
    assert [row.amount_minor for row in Posting.objects.all()] == [500]


@pytest.mark.django_db
def test_json_is_written_as_the_field_writes_it() -> None:
    entry = Entry(recorded_at=NOW, actor="me", action="looked", subject_type="x", subject_id="1", details={"é": [1]})
    assert insert_once(entry, unique=("id", "recorded_at"))
    assert Entry.objects.get(pk=entry.pk).details == {"é": [1]}


@pytest.mark.django_db
def test_another_constraint_is_an_error_and_not_silence() -> None:
    with pytest.raises(IntegrityError, match="posting_amount_in_bounds"), savepoint():
        insert_once(posting(0), unique=("key",))
    assert not Posting.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_written() -> None:
    with pytest.raises(TransactionError):
        insert_once(posting(), unique=("key",))
    assert not Posting.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_one_writes_it() -> None:
    assert sorted(at_once([written] * 8)) == [False] * 7 + [True]
    assert Posting.objects.count() == 1
