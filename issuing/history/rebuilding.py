"""Builds the past of cards anew from their stored decisions, card by card, while purchases go on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from issuing import locking
from issuing.models import CardHistory, VirtualCard
from onecard.kit.transactions import transaction

BATCH: Final = 1000
DECISIONS: Final = """
SELECT d.id FROM issuing_authorization a JOIN issuing_decision d ON d.authorization_id = a.id WHERE a.card_id = %s
"""
KEEP: Final = "SELECT issuing_keep_history(%s)"


@dataclass(slots=True)
class Rebuilt:
    """How many cards were looked at, and of how many another past was kept than their decisions give."""

    cards: int = 0
    differing: int = 0


def rebuild(*, is_rehearsal: bool = False, progress: Callable[[int], object] = lambda _cards: None) -> Rebuilt:
    """Builds the past of every card, one transaction each; may be interrupted and repeated, and run under traffic.

    A rehearsal compares and changes nothing. Raises django.db.DatabaseError; the cards before that are done.
    """
    done, after = Rebuilt(), 0
    while True:
        keys = list(VirtualCard.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:BATCH])
        for key in keys:
            done.cards += 1
            done.differing += rebuild_card(key, is_rehearsal=is_rehearsal)
            progress(1)
        if not keys:
            return done
        after = keys[-1]


def rebuild_card(card_id: int, *, is_rehearsal: bool = False) -> bool:
    """Builds the past of one card; returns whether another one was kept."""
    with transaction():
        # Nobody decides on the card meanwhile, and all of its decisions are written out.
        locking.lock_card(card_id)
        # A writer that took an entry before the lock has it in this row.
        before = _row(card_id)
        CardHistory.objects.filter(pk=card_id).delete()
        _keep(card_id)
        differs = _row(card_id) != before
        if is_rehearsal:
            CardHistory.objects.filter(pk=card_id).delete()
            CardHistory.objects.bulk_create([CardHistory(**before)] if before else [])
    return differs


def _keep(card_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(DECISIONS, [card_id])
        keys = [key for (key,) in cursor.fetchall()]
        for start in range(0, len(keys), BATCH):
            cursor.execute(KEEP, [keys[start : start + BATCH]])


def _row(card_id: int) -> dict[str, Any] | None:
    row: Any = CardHistory.objects.filter(pk=card_id).select_for_update(no_key=True).values().first()
    return dict(row) if row else None
