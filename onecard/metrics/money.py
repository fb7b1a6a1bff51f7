"""What stands in the books."""

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily as Gauge

from onecard.desk import kept_figures


def balances() -> Iterator[Gauge]:
    """One row, which a task counts every two minutes."""
    rows, _counted_at = kept_figures.read(kept_figures.BALANCES)
    family = Gauge(
        "onecard_account_balance_minor",
        "An account's balance in the books, in the currency's smallest unit; counted every two minutes.",
        labels=["account", "currency"],
    )
    for row in rows or []:
        family.add_metric([row["account"], row["currency"]], row["balance_minor"])
    yield family
