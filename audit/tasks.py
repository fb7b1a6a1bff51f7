"""The Celery task that keeps months ready for the trail, and for every other table in partitions of a month."""

from typing import Any

from celery import shared_task

from onecard.kit.postgresql import partitions


@shared_task(name="audit.tasks.add_months")
def add_months(**_newer: Any) -> None:
    """Makes the next months of every such table, and puts rows that came before their month was made into it."""
    partitions.add_all_months()
