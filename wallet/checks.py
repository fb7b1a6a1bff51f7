"""What `manage.py check` reports about the wallet's rows."""

from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004  (Django's name)
from django.db import DatabaseError

from onecard.kit import time_zones

MOST_NAMED = 10


def unknown_time_zones(**_options: Any) -> list[CheckMessage]:
    """Warns about each unknown time zone of a wallet; reports nothing when the database does not answer."""
    from wallet.models import Cardholder

    try:
        names = list(Cardholder.objects.order_by().values_list("time_zone", flat=True).distinct())
    except DatabaseError:
        return []
    unknown = sorted(name for name in names if not time_zones.is_known(name))
    return [_warning(name) for name in unknown[:MOST_NAMED]]


def _warning(name: str) -> CheckMessage:
    return Warning(
        f"Wallets have the time zone {name!r}, which is none, so their limits count UTC days.",
        hint="Give them a zone such as America/New_York on their pages, under Wallets.",
        id="wallet.W001",
    )
