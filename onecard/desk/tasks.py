"""The queue's doors into the desk."""

from typing import Any

from celery import shared_task

from onecard.desk import kept_figures


@shared_task(name="onecard.desk.tasks.count_figures")
def count_figures(**_newer: Any) -> None:
    """Counts the figures over whole tables that the home page shows."""
    kept_figures.count()
