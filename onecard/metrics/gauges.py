"""The families that a topic is made of."""

import datetime as dt

from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

from onecard.kit import clock


def single(name: str, meaning: str, value: float) -> Gauge:
    return Gauge(name, meaning, value=value)


def age_s(since: dt.datetime | None) -> float:
    return max(0.0, (clock.now() - since).total_seconds()) if since else 0.0
