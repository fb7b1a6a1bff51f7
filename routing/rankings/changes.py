"""Changes of rankings as rows: how they are made, stored and read, for drafts, commands and the history."""

import datetime as dt
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

from django.db import connection

from onecard.kit import clock
from onecard.users.models import User
from routing.models import RankingChange, RankingDraft
from routing.rankings.entry import RankingEntry
from routing.rankings.published import Key, Values, as_before, key_of, published

COPY: Final = (
    "COPY routing_rankingchange (draft_id, mcc, product_id, network, card_name, valid_from, removes, reward_rate, "
    "reward_type, annual_fee_minor, valid_to, before, written_by_id) FROM STDIN"
)


def change_of(
    draft: RankingDraft, key: Key, values: Values | None, before: Values | None, user: User | None
) -> RankingChange:
    """Returns the unsaved change that gives a ranking these values, or removes it; `before` is published now."""
    names = dict(zip(("mcc", "product_id", "network", "card_name", "valid_from"), key, strict=True))
    change = RankingChange(draft=draft, **names, before=as_before(before), written_by=user, removes=values is None)
    if values is not None:
        change.reward_rate, change.reward_type, change.annual_fee_minor, change.valid_to = values
    return change


def differences(draft: RankingDraft, wanted: dict[Key, Values | None], user: User) -> list[RankingChange]:
    """Returns the unsaved changes that make these rankings so (None: gone), without those that are so already."""
    now = published(str(key[0]) for key in wanted)
    return [
        change_of(draft, key, values, now.get(key), user) for key, values in wanted.items() if now.get(key) != values
    ]


def add(changes: Iterable[RankingChange]) -> None:
    """Stores changes as new rows of a draft that the caller has begun or locked; they get no key here."""
    _copy(
        (row.draft_id, *key_of(row), *_columns_of(values_after(row)), row.before, row.written_by_id) for row in changes
    )


def add_differences(
    draft: RankingDraft, wanted: Mapping[Key, Values | None], published_now: Mapping[Key, Values], user: User
) -> None:
    """Stores what makes these rankings so (None: gone) as changes of a draft that the caller has begun or locked.

    As `change_of` and `add` for each, in the tenth of their time: a file has 100 000 of them.
    """
    _copy(
        (draft.pk, *key, *_columns_of(values), as_before(published_now.get(key)), user.pk)
        for key, values in wanted.items()
    )


def _columns_of(values: Values | None) -> tuple[object, ...]:
    return (True, None, "", 0, None) if values is None else (False, *values)


def _copy(rows: Iterable[tuple[object, ...]]) -> None:
    names = functools.cache(partial(_stored, RankingChange._meta.get_field("card_name")))
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for draft_id, mcc, product_id, network, card_name, *rest, before, written_by_id in rows:
            kept = None if before is None else json.dumps(before)
            copy.write_row((draft_id, mcc, product_id, network, names(card_name), *rest, kept, written_by_id))


def _stored(field: Any, text: object) -> object:
    """Returns a text as its column stores it: card numbers are covered."""
    return field.get_db_prep_save(text, connection)


def values_before(change: RankingChange) -> Values | None:
    """Returns what was published when the change was written, as `published` gives it."""
    before = change.before
    if before is None:
        return None
    last = before["valid_to"]
    return (
        Decimal(before["reward_rate"]),
        before["reward_type"],
        before["annual_fee_minor"],
        dt.date.fromisoformat(last) if last else None,
    )


def values_after(change: RankingChange) -> Values | None:
    """Returns what is published once the draft is; None for a removal."""
    if change.removes:
        return None
    return change.reward_rate, change.reward_type, change.annual_fee_minor, change.valid_to


def record_command(
    found: Sequence[tuple[RankingEntry, Values | None]], *, source: str, command: str
) -> list[RankingChange]:
    """Writes what a command publishes into the history, in the caller's transaction, and returns its changes."""
    draft = begin_by_command(source=source, command=command)
    changes = [change_of(draft, entry.key, entry.values, before, None) for entry, before in found]
    add(changes)
    return changes


def begin_by_command(*, source: str, command: str) -> RankingDraft:
    """Writes an entry of the history for what a command publishes at once, in the caller's transaction."""
    now = clock.now()
    return RankingDraft.objects.create(
        title=f"Imported by a command: {source}"[:120],
        source=source[:200],
        status=RankingDraft.Status.PUBLISHED,
        by_command=command[:80],
        reason="Published at once by whoever may run commands.",
        created_at=now,
        changed_at=now,
        published_at=now,
    )


def described(key: Key) -> str:
    """Returns a ranking's key for the audit trail."""
    return " ".join(str(part) for part in key if part not in (None, ""))
