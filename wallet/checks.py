"""What `manage.py check` says of the rows of the wallet."""

from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004  (Django's name)
from django.db import DatabaseError

from onecard.kit import time_zones

MOST_NAMED = 10


def unknown_time_zones(**_options: Any) -> list[CheckMessage]:
    """A warning for each time zone of a wallet that is none; nothing where the database cannot be asked now."""
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
