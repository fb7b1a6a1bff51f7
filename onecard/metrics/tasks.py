"""The queue's door into the metrics."""

from typing import Any

from celery import shared_task

from onecard.metrics import counting
from onecard.metrics.sources import SOURCES


@shared_task(name="onecard.metrics.tasks.count")
def count(**_newer: Any) -> None:
    """Counts what the metrics of long tables have not counted yet."""
    counting.count(SOURCES)
