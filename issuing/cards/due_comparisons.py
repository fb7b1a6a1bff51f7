"""Comparisons of single cards that are due: requested by an issuer's update, and kept until they are done.

The card's row says that a comparison is due, so it survives a lost task and an issuer that does not answer. A card with
a reported stop buys nothing until then (issuing/authorizations/proposal.py).
"""

import datetime as dt
from collections.abc import Iterable

from issuing import states
from issuing.cards.comparison import open_card_case, sync_card
from issuing.models import VirtualCard
from onecard.kit import clock
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import require_transaction, transaction
from onecard.outbox import services as outbox

ACTOR = "system:sync"
# A task compares at once; the sweep repeats a comparison that did not finish.
GRACE = dt.timedelta(seconds=30)
AGAIN = dt.timedelta(seconds=60)
SWEEP_BATCH = 50
# After an outage of this length the cardholder is still without a card, so a case asks staff.
CASE_AFTER = dt.timedelta(minutes=30)


def request(cards: Iterable[VirtualCard], *, stop_reported: bool, reported_at: dt.datetime) -> None:
    """Marks cards for comparison, in the caller's transaction; a reported stop holds from now on.

    A report from before the last comparison brings nothing new, so it stops nothing.
    """
    require_transaction("A request for a comparison")
    now = clock.now()
    for card in cards:
        is_stopped = stop_reported and card.status == states.Card.ACTIVE and _is_new(card, reported_at)
        changes = {"stop_reported_at": now} if is_stopped and card.stop_reported_at is None else {}
        VirtualCard.objects.filter(pk=card.pk).update(comparison_due_at=now + GRACE, **changes)
        outbox.put(topic="card.sync_requested", card_id=card.pk)


def sweep(*, now: dt.datetime | None = None) -> int:
    """Does the comparisons that are due and unfinished; returns how many it tried."""
    moment = now or clock.now()
    due = VirtualCard.objects.filter(comparison_due_at__lte=moment).order_by("comparison_due_at")
    ids = list(due.values_list("pk", flat=True)[:SWEEP_BATCH])
    return each_in_turn(ids, lambda card_id: _compare(card_id, moment), what="comparison of card")


def _compare(card_id: int, now: dt.datetime) -> None:
    """Makes one attempt; the time of the next one is committed before the issuer is asked."""
    due = VirtualCard.objects.filter(pk=card_id, comparison_due_at__lte=now)
    if due.update(comparison_due_at=now + AGAIN) == 1:
        _open_case_if_long(card_id, now)
        sync_card(card_id, actor=ACTOR)


def _open_case_if_long(card_id: int, now: dt.datetime) -> None:
    with transaction():
        waiting = VirtualCard.objects.filter(pk=card_id, stop_reported_at__lte=now - CASE_AFTER).first()
        if waiting is not None:
            summary = f"{waiting}: its issuer reported a stop and cannot be asked since; purchases are declined."
            open_card_case(waiting.issuer_card_id, summary, waiting)


def _is_new(card: VirtualCard, reported_at: dt.datetime) -> bool:
    return card.last_synced_at is None or reported_at >= card.last_synced_at.replace(microsecond=0)
