"""Rankings that overlap: two that rank the same card for the same MCC and day. It is a warning, since the engine knows
which one applies: the one that started last.

Network rows with different card names do not overlap: the walkthrough's JSON names several cards of a network.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from django.db.models import Q

from routing.models import RankingDraft, RankingRow
from routing.rankings.published import key_of

MOST_SHOWN = 20


class Ranked(Protocol):
    """What a ranking and a change have in common."""

    mcc: str
    product_id: int | None
    network: str
    card_name: str
    valid_from: dt.date | None
    valid_to: dt.date | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two rankings of one card that hold on the same days."""

    earlier: Ranked
    later: Ranked

    @property
    def days(self) -> tuple[dt.date | None, dt.date | None]:
        """The first and the last day on which both hold; None where it is open."""
        lasts = [each.valid_to for each in (self.earlier, self.later) if each.valid_to]
        return self.later.valid_from, min(lasts) if lasts else None


def among(rankings: Iterable[Ranked]) -> list[Overlap]:
    """Returns the overlaps among these rankings, each with the ranking that it follows."""
    by_card: dict[tuple[object, ...], list[Ranked]] = {}
    for each in rankings:
        name = "" if each.product_id is not None else each.card_name
        by_card.setdefault((each.mcc, each.product_id, each.network, name), []).append(each)
    return [overlap for of_card in by_card.values() if len(of_card) > 1 for overlap in _of_one_card(of_card)]


def with_draft(draft: RankingDraft) -> list[Overlap]:
    """Returns the overlaps of the cards that the draft changes, as they are once it is published."""
    changes = list(draft.changes.select_related("product"))
    keys = {key_of(change) for change in changes}
    cards = {(change.mcc, change.product_id, change.network) for change in changes}
    stored = RankingRow.objects.filter(mcc__in={change.mcc for change in changes}).filter(
        Q(product_id__in={change.product_id for change in changes}) | Q(network__in={c.network for c in changes} - {""})
    )
    kept = [
        row
        for row in stored.select_related("product")
        if (row.mcc, row.product_id, row.network) in cards and key_of(row) not in keys
    ]
    return among([*kept, *(change for change in changes if not change.removes)])


def _of_one_card(rankings: list[Ranked]) -> Iterable[Overlap]:
    in_order = sorted(rankings, key=lambda each: (each.valid_from or dt.date.min, each.card_name))
    for earlier, later in pairwise(in_order):
        if earlier.valid_to is None or later.valid_from is None or later.valid_from <= earlier.valid_to:
            yield Overlap(earlier, later)
