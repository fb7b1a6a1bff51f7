"""The queue's doors into the desk."""

from typing import Any

from celery import shared_task

from onecard.desk import kept_figures
from onecard.desk.health import cards


@shared_task(name="onecard.desk.tasks.count_figures")
def count_figures(**_newer: Any) -> None:
    """Counts the figures over whole tables that the home page shows."""
    kept_figures.count()


@shared_task(name="onecard.desk.tasks.count_cards")
def count_cards(**_newer: Any) -> None:
    """Counts the cards that the health page shows; it reads whole tables, so it runs seldom."""
    kept_figures.keep(cards.FIGURES)
