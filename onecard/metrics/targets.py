"""What the measured times and shares should be, so that rules and dashboards compare with it and repeat no number."""

from collections.abc import Iterator
from typing import Final

from django.conf import settings
from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

# Of the design documents. Each is the bound of a bucket (onecard/kit/durations.py).
SECONDS: Final = {
    "signature_check": 0.1,
    "card_selection": 0.5,
    "funding_charge": 2.0,
    "issuer_call": 2.0,
    "frontend_call": 2.0,
    "purchase": 5.0,
}
RATIOS: Final = {"card_creation": 0.99, "webhook_events": 0.999, "success": 0.999}


def targets() -> Iterator[Gauge]:
    """Constants, and the deadline of this deployment's decisions."""
    seconds = Gauge("onecard_target_seconds", "What the time should stay under.", labels=["name"])
    for name, target_s in {**SECONDS, "decision": settings.DECISION_DEADLINE_MS / 1000}.items():
        seconds.add_metric([name], target_s)
    yield seconds
    ratios = Gauge("onecard_target_ratio", "What the share of successes should stay over.", labels=["name"])
    for name, target in RATIOS.items():
        ratios.add_metric([name], target)
    yield ratios
