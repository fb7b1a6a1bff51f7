"""How the issuers stand."""

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

from issuing.issuers.registry import budget_of
from issuing.operations import availability
from issuing.operations.control import configured_providers

BREAKER_STATES = ("closed", "half_open", "open", "unknown")


def issuers() -> Iterator[Gauge]:
    """One row by a unique index and one script in Redis for each issuer."""
    breakers = Gauge("onecard_issuer_breaker", "1 at the state of the issuer's breaker.", labels=["provider", "state"])
    read_only = Gauge(
        "onecard_issuer_read_only", "1 while no card is made or changed there.", labels=["provider", "by"]
    )
    for status in map(availability.of, configured_providers()):
        for state in BREAKER_STATES:
            breakers.add_metric([status.provider, state], float(status.breaker.state == state))
        for by in ("hand", "breaker"):
            read_only.add_metric([status.provider, by], float(status.by == by))
    yield breakers
    yield read_only


def rate_budgets() -> Iterator[Gauge]:
    """One script in Redis for each issuer."""
    waits = Gauge(
        "onecard_issuer_call_wait_seconds",
        "How long the next call to the issuer would wait for its turn in our rate budget; none without Redis.",
        labels=["provider"],
    )
    for provider in configured_providers():
        wait_s = budget_of(provider).backlog_s()
        if wait_s is not None:
            waits.add_metric([provider], max(0.0, wait_s))
    yield waits
