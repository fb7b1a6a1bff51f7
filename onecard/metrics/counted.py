"""How old the counts are, so that a worker that stands still is not taken for a quiet night."""

from collections.abc import Iterator

from django.db.models import Min
from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

from onecard.metrics.families import age_s
from onecard.metrics.models import CountedTotal
from onecard.metrics.sources import SOURCES


def counted() -> Iterator[Gauge]:
    """A row for each table that is counted. Before the first count there is no age, and no sample."""
    totals = CountedTotal.objects.filter(source__in=[source.name for source in SOURCES])
    oldest = totals.aggregate(at=Min("counted_at"))["at"]
    age = Gauge("onecard_counts_age_seconds", "Age of the oldest count of a table; its counters stand still since.")
    if oldest is not None:
        age.add_metric([], age_s(oldest))
    yield age
