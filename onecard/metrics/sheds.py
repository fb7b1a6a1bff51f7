"""Purchases that were declined at once because more came than could be decided."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from issuing.operations.control import configured_providers
from issuing.webhooks import shed_counts
from onecard.metrics.families import IN_REDIS, counter

NAME = "onecard_purchases_shed"


def sheds() -> Iterator[Metric]:
    """A hash in Redis with a field for each issuer."""
    yield counter(
        NAME,
        f"Purchases declined unread, because more came than could be decided in time. {IN_REDIS}",
        {f"{NAME}|{provider}": count for provider, count in shed_counts.read().items()},
        labels=("provider",),
        known=[(provider,) for provider in configured_providers()],
    )
