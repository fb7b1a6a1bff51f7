"""The windows that a card's limits count in, opened outside of a decision: for what was captured and never held."""

import json

from django.db import connection

from issuing.limits.windows import Window, day_window, month_window
from issuing.models import SpendWindow, VirtualCard
from onecard.kit import clock
from onecard.kit.clock import local_day


def open_now(card: VirtualCard) -> tuple[int, int]:
    """Returns the keys of the card's current day and month, opened if they are not yet; in the caller's transaction.

    By the same function in the database as a decision, under the card's lock.
    """
    zone = card.cardholder.time_zone
    today = local_day(clock.now(), zone)
    return (
        _open(card, SpendWindow.Kind.DAY, day_window(today, zone)),
        _open(card, SpendWindow.Kind.MONTH, month_window(today, zone)),
    )


def _open(card: VirtualCard, kind: str, window: Window) -> int:
    bounds = json.dumps(window.as_json())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM issuing_open_window(%s, %s, %s, %s::jsonb)", [card.pk, kind, clock.now(), bounds]
        )
        return int(cursor.fetchone()[0])
