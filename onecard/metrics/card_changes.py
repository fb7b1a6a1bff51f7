"""What was asked of issuers about cards."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Max, Min
from prometheus_client.metrics_core import GaugeMetricFamily as Gauge
from prometheus_client.metrics_core import Metric

from issuing import states
from issuing.models import CardChange
from onecard.kit import clock
from onecard.metrics.counting import Source, totals_of
from onecard.metrics.families import COUNTED, age_s, counter, single

# What is counted of card changes: the latest by id, which is cheap, and of those the ones of a day.
LATEST_CHANGES = 10_000
DAY = dt.timedelta(hours=24)
ENDS: Final = (states.Change.DONE, states.Change.REFUSED)
CHANGES: Final = Source(
    "card_changes",
    CardChange.objects.all(),
    "count(*), sum(extract(epoch FROM updated_at))",
    """
    SELECT concat_ws('|', 'onecard_card_changes', kind, status), NULL::numeric
    FROM issuing_cardchange WHERE id >= %(first)s AND id < %(end)s AND status = ANY(%(ends)s)
    """,
    {"ends": [end.value for end in ENDS]},
)


def card_changes() -> Iterator[Metric]:
    """The open ones by the partial index change_due; the settled ones by the primary key, at most LATEST_CHANGES."""
    waiting = CardChange.objects.filter(status__in=states.OPEN_CHANGE)
    opened = Gauge("onecard_card_changes_open", "Card changes that wait for their issuer.", labels=["kind"])
    for row in waiting.order_by().values("kind").annotate(count=Count("pk")):
        opened.add_metric([row["kind"]], row["count"])
    yield opened
    oldest = waiting.aggregate(since=Min("created_at"))["since"]
    yield single("onecard_card_change_oldest_open_seconds", "Age of the oldest open card change, or 0.", age_s(oldest))
    recent = _recent_changes()
    counts = Gauge("onecard_card_changes_day", "Card changes asked for within 24 hours.", labels=["kind", "status"])
    for (kind, status), count in recent.items():
        counts.add_metric([kind, status], count)
    yield counts
    yield from _creations(recent)
    yield counter(
        "onecard_card_changes",
        f"Card changes that their issuer carried out or refused; create makes a card. {COUNTED}",
        totals_of(CHANGES),
        labels=("kind", "outcome"),
        known=[(kind, end.value) for kind in CardChange.Kind.values for end in ENDS],
    )


def _creations(recent: dict[tuple[str, str], int]) -> Iterator[Gauge]:
    """The design's target is above 0.99; without an attempt there is no ratio, and no sample."""
    made, refused = (recent.get((CardChange.Kind.CREATE, status), 0) for status in ("done", "refused"))
    ratio = Gauge("onecard_card_creation_success_ratio", "Cards made, of those settled, among the asked of 24 hours.")
    if made + refused:
        ratio.add_metric([], made / (made + refused))
    yield ratio


def _recent_changes() -> dict[tuple[str, str], int]:
    newest = CardChange.objects.aggregate(newest=Max("pk"))["newest"] or 0
    rows = CardChange.objects.filter(pk__gt=newest - LATEST_CHANGES, created_at__gt=clock.now() - DAY)
    counted = rows.order_by().values_list("kind", "status").annotate(count=Count("pk"))
    return {(kind, status): count for kind, status, count in counted}
