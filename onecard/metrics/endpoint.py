"""GET /metrics: how the product stands, in Prometheus' text, counted anew from PostgreSQL and Redis at each scrape.

No number lives in a process, so every process gives the same ones. What each costs stands beside its function; none
reads a long table as a whole.
"""

import logging
from collections.abc import Iterator

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from onecard.kit.postgresql.time_limits import give_up_after
from onecard.metrics import measures
from onecard.metrics.access import may_scrape

log = logging.getLogger(__name__)

# A scrape that waits for a silent database must not keep its thread from health checks and notifications.
COUNTED_WITHIN_S = 5.0


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All metrics; 403 to strangers, 503 when the database does not answer."""
    if not may_scrape(request):
        return HttpResponse("Metrics are for whoever has METRICS_TOKEN, or without one for this machine.\n", status=403)
    registry = CollectorRegistry(auto_describe=False)
    try:
        with give_up_after(COUNTED_WITHIN_S):
            registry.register(_AtScrape())
            body = generate_latest(registry)
    except DatabaseError:
        log.exception("no metrics")
        connection.close()
        return HttpResponse("The database does not answer; see the log.\n", status=503)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class _AtScrape(Collector):
    """Computes when it is asked, and describes nothing before."""

    def collect(self) -> Iterator[Metric]:
        for measure in measures.MEASURES:
            yield from measure()

    def describe(self) -> Iterator[Metric]:
        return iter(())
