"""Keeps the odds of funding cards for decisions: counted anew from the wallet's charges, never on a decision's path."""

import datetime as dt
from typing import Final

from django.conf import settings

from onecard.kit import clock
from routing.models import MethodOdds
from routing.odds import outcomes
from routing.value.likelihood import CARD, Record, odds_of_card, prior_ppm
from wallet.models import FundingMethod

BATCH: Final = 1_000
COLUMNS: Final = ("approvals", "attempts", "prior_ppm", "approved_ppm", "counted_at")


def sweep() -> int:
    """Counts all odds anew where a choice uses them (ROUTING_ODDS), and returns of how many cards."""
    return count_all(clock.now()) if settings.ROUTING_ODDS else 0


def count_all(now: dt.datetime) -> int:
    """Counts the odds of every active funding card. It may run twice at once: each row says when it was counted."""
    record, counted = Record(), outcomes.count(now - outcomes.RECENT)
    cards = FundingMethod.objects.select_related("product").only("network", "status", "product__issuer")
    for card in cards.filter(pk__in=counted).iterator(chunk_size=BATCH):
        record.add(str(card.pk), outcomes.group_of(card), counted[card.pk])
    batch, done = [], 0
    for card in cards.filter(status=FundingMethod.Status.ACTIVE).order_by("pk").iterator(chunk_size=BATCH):
        batch.append(_row(card, record, now))
        if len(batch) == BATCH:
            done += _keep(batch)
            batch = []
    return done + _keep(batch)


def _row(card: FundingMethod, record: Record, now: dt.datetime) -> MethodOdds:
    key, group = str(card.pk), outcomes.group_of(card)
    own = record.counts_of((CARD, key))
    return MethodOdds(
        method=card,
        approvals=own.approvals,
        attempts=own.attempts,
        prior_ppm=prior_ppm(record.counts_of, key, group),
        approved_ppm=odds_of_card(record.counts_of, key, group).approved_ppm,
        counted_at=now,
    )


def _keep(rows: list[MethodOdds]) -> int:
    MethodOdds.objects.bulk_create(rows, update_conflicts=True, unique_fields=["method"], update_fields=COLUMNS)
    return len(rows)
