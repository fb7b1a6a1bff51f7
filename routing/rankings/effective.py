"""The rankings of an MCC as the engine reads them: as published, and as they would be with a draft."""

from collections.abc import Iterable

from routing.engine import Row
from routing.models import RankingChange, RankingDraft, RankingRow
from routing.rankings.published import key_of

# Behind every stored row: of rows that tie in all else, the engine takes the oldest.
_NEW_ROWS_FROM = 2**62


def changed_mccs(draft: RankingDraft) -> frozenset[str]:
    """Returns the MCCs at which the draft changes something; no other purchase can change."""
    return frozenset(draft.changes.order_by().values_list("mcc", flat=True).distinct())


def rows_of(mcc: str) -> tuple[Row, ...]:
    """Returns the engine's rows of an MCC as published now. One query."""
    return rows_with(mcc, ())


def rows_with(mcc: str, changed: Iterable[RankingChange]) -> tuple[Row, ...]:
    """Returns the engine's rows of an MCC once these changes of it are published. One query."""
    changes = {key_of(change): change for change in changed}
    stored = list(RankingRow.objects.filter(mcc=mcc).order_by("id"))
    ids = {key_of(row): row.pk for row in stored}
    kept = [_row(row, row.pk, row.version) for row in stored if key_of(row) not in changes]
    put = [
        _row(change, ids.get(key, _NEW_ROWS_FROM + change.pk), 0)
        for key, change in changes.items()
        if not change.removes
    ]
    return (*kept, *put)


def _row(source: RankingRow | RankingChange, key: int, version: int) -> Row:
    if source.reward_rate is None:
        raise AssertionError("A row of the engine has a rate; only removals have none.")
    return Row(
        id=key,
        version=version,
        product_id=source.product_id,
        network=source.network,
        reward_rate=source.reward_rate,
        reward_type=source.reward_type,
        valid_from=source.valid_from,
        valid_to=source.valid_to,
    )
