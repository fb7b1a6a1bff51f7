"""Our balances at the issuers that pay purchases from one."""

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

from issuing.operations import balances
from onecard.kit import clock


def issuer_balances() -> Iterator[Gauge]:
    """The newest row of each balance, by index, and sums of the hours of a week."""
    labels = ["provider", "currency"]
    amount = Gauge(
        "onecard_issuer_balance_minor",
        "What purchases can still take from our balance at the issuer, in the currency's smallest unit.",
        labels=labels,
    )
    low = Gauge("onecard_issuer_balance_low", "1 while that is below its mark, or nothing.", labels=labels)
    age = Gauge("onecard_issuer_balance_age_seconds", "How long ago it was read.", labels=labels)
    for each in balances.current():
        if each.pays_purchases:
            named = [each.provider, each.currency]
            amount.add_metric(named, each.available_minor)
            low.add_metric(named, float(each.is_low))
            age.add_metric(named, (clock.now() - each.read_at).total_seconds())
    yield from (amount, low, age)
