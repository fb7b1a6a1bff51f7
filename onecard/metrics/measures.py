"""What a scrape measures: each topic of this package adds its functions here."""

from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import Metric

from onecard.metrics.card_changes import card_changes
from onecard.metrics.issuers import issuers
from onecard.metrics.queues import months, open_cases, queues

MEASURES: tuple[Callable[[], Iterable[Metric]], ...] = (issuers, card_changes, queues, months, open_cases)
