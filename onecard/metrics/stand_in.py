"""Stand-in: whether answers of this machine wait, and who answered purchases in place of a decision."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.db.models import Count
from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

from issuing import states
from issuing.models import Authorization
from issuing.stand_in import state
from onecard.kit import clock
from onecard.metrics.families import single

DAY: Final = dt.timedelta(hours=24)


def stand_in() -> Iterator[Gauge]:
    """By the times of the files in STAND_IN_DIR, and by the partial index purchase_stood_in."""
    answered = Gauge(
        "onecard_purchases_stood_in_day", "Purchases of 24 hours answered in place of a decision.", labels=["who"]
    )
    rows = Authorization.objects.filter(created_at__gt=clock.now() - DAY).exclude(stood_in="")
    counts = {row["stood_in"]: row["count"] for row in rows.order_by().values("stood_in").annotate(count=Count("pk"))}
    for who in states.StoodIn.values:
        answered.add_metric([who], counts.get(who, 0))
    yield answered
    found = state.read()
    waits, lacks = (float(found.is_waiting), float(found.lacks_snapshot)) if found else (0.0, 0.0)
    yield single("onecard_stand_in_waiting", "1 while answers of this machine wait to be folded in.", waits)
    yield single("onecard_stand_in_unready", "1 while an outage would decline for want of a snapshot.", lacks)
