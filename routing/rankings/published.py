"""The published rankings by their keys, and the one way in which changes reach them."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from audit.edits import plain
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import transaction
from routing.models import RankingChange, RankingRow

Key = tuple[object, ...]
Values = tuple[Any, ...]
Progress = Callable[[int, int], None]

BATCH_ROWS: Final = 2000
KEY_FIELDS: Final = ["mcc", "product", "network", "card_name", "valid_from"]
VALUE_FIELDS: Final = ["reward_rate", "reward_type", "annual_fee_minor", "valid_to"]


@contextlib.contextmanager
def writing_alone(refusal: OneCardError) -> Iterator[None]:
    """Opens a transaction that keeps other writers of rankings out, not readers: two writers could deadlock on rows.

    Raises `refusal` when somebody else writes for longer than the database lets us wait.
    """
    try:
        with transaction():
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE routing_rankingrow IN SHARE ROW EXCLUSIVE MODE")
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise refusal from error
        raise


def published(mccs: Iterable[str] | None = None) -> dict[Key, Values]:
    """Returns the values of the published rankings by their keys, of all MCCs or of these."""
    rows = RankingRow.objects.all() if mccs is None else RankingRow.objects.filter(mcc__in=set(mccs))
    listed = rows.values_list("mcc", "product_id", "network", "card_name", "valid_from", *VALUE_FIELDS)
    return {tuple(row[:5]): tuple(row[5:]) for row in listed}


def key_of(change: RankingChange | RankingRow) -> Key:
    return change.mcc, change.product_id, change.network, change.card_name, change.valid_from


def as_before(values: Values | None) -> dict[str, Any] | None:
    """Returns published values as a change keeps them, or None for none."""
    return None if values is None else dict(zip(VALUE_FIELDS, map(plain, values), strict=True))


def apply(changes: Sequence[RankingChange], progress: Progress = lambda _done, _total: None) -> None:
    """Writes changes into the rankings, in the caller's `writing_alone`. Every process uses them from then on.

    The triggers of the table raise the rulebook's version in the same commit (routing/rulebook.py).
    """
    _remove([change for change in changes if change.removes])
    written = [_row(change) for change in changes if not change.removes]
    for start in range(0, len(written), BATCH_ROWS):
        batch = written[start : start + BATCH_ROWS]
        RankingRow.objects.bulk_create(
            batch, update_conflicts=True, unique_fields=KEY_FIELDS, update_fields=[*VALUE_FIELDS, "updated_at"]
        )
        progress(start + len(batch), len(written))


def _remove(changes: Sequence[RankingChange]) -> None:
    gone = {key_of(change) for change in changes}
    listed = RankingRow.objects.filter(mcc__in={change.mcc for change in changes})
    ids = [row.pk for row in listed.iterator() if key_of(row) in gone] if gone else []
    for start in range(0, len(ids), BATCH_ROWS):
        RankingRow.objects.filter(pk__in=ids[start : start + BATCH_ROWS]).delete()


def _row(change: RankingChange) -> RankingRow:
    if change.reward_rate is None:
        raise AssertionError("The database lets no change without a rate be anything but a removal.")
    return RankingRow(
        mcc=change.mcc,
        scope=RankingRow.Scope.NETWORK if change.product_id is None else RankingRow.Scope.PRODUCT,
        product_id=change.product_id,
        network=change.network,
        card_name=change.card_name,
        reward_rate=change.reward_rate,
        reward_type=change.reward_type,
        annual_fee_minor=change.annual_fee_minor,
        valid_from=change.valid_from,
        valid_to=change.valid_to,
    )
