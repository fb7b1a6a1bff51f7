"""What issuers and the processor report: handled or not, and how long after it came. Questions are no part of it."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily as Gauge
from prometheus_client.metrics_core import Metric

from issuing import states
from issuing.inbox.unapplied import UNFINISHED
from issuing.models import IssuerEvent
from issuing.operations.control import configured_providers
from issuing.webhooks import refused_signatures
from onecard.metrics.counting import Source, totals_of
from onecard.metrics.families import COUNTED, counter, histogram

ENDS: Final = (states.Event.HANDLED, states.Event.KEPT, states.Event.REJECTED)
# A question is stored with its answer, so it has one time for both. The try that runs at the moment has not failed.
EVENTS: Final = Source(
    "events",
    IssuerEvent.objects.all(),
    "count(*), sum(extract(epoch FROM handled_at)), sum(attempts), count(*) FILTER (WHERE reason = %(unfinished)s)",
    """
    SELECT found.series, found.seconds
    FROM issuing_issuerevent e
    CROSS JOIN LATERAL (VALUES
        (concat_ws('|', 'onecard_webhook_events', e.provider, e.status), NULL::numeric, e.status = ANY(%(ends)s)),
        (concat_ws('|', 'onecard_webhook_events_failed', e.provider), NULL,
            e.attempts > CASE WHEN e.reason = %(unfinished)s THEN 1 ELSE 0 END),
        (concat_ws('|', 'onecard_webhook_seconds', e.provider), extract(epoch FROM e.handled_at - e.received_at),
            e.status = ANY(%(ends)s) AND e.handled_at >= e.received_at)
    ) AS found (series, seconds, is_one)
    WHERE e.id >= %(first)s AND e.id < %(end)s AND e.handled_at IS DISTINCT FROM e.received_at AND found.is_one
    """,
    {"ends": [end.value for end in ENDS], "unfinished": UNFINISHED},
)


def webhooks() -> Iterator[Metric]:
    """One row of totals, and a script in Redis for each issuer."""
    counts, providers = totals_of(EVENTS), configured_providers()
    yield counter(
        "onecard_webhook_events",
        f"Reports by what became of them; one that staff send through again counts again. {COUNTED}",
        counts,
        labels=("provider", "outcome"),
        known=[(provider, end.value) for provider in providers for end in ENDS],
    )
    yield counter(
        "onecard_webhook_events_failed",
        f"Reports that could not be applied at the first try, or not yet. {COUNTED}",
        counts,
        labels=("provider",),
        known=[(provider,) for provider in providers],
    )
    yield histogram(
        "onecard_webhook_seconds",
        f"From the arrival of a report until it was handled. {COUNTED}",
        counts,
        labels=("provider",),
    )
    yield _refused(providers)


def _refused(providers: list[str]) -> Gauge:
    family = Gauge(
        "onecard_webhook_signatures_refused_day",
        "Deliveries within 24 hours whose signature or password was wrong; none without Redis.",
        labels=["provider"],
    )
    for provider in providers:
        refused = refused_signatures.of_a_day(provider)
        if refused is not None:
            family.add_metric([provider], refused.count)
    return family
