"""Reads the options that several management commands have."""

import datetime as dt

from django.core.management.base import CommandError

from onecard.kit import clock

OLDEST_YEAR = 2000


def moment_of(option: str, text: str, *, returncode: int = 1) -> dt.datetime:
    """Returns the moment of an ISO 8601 text; without an offset it is in UTC.

    Raises CommandError, with this exit status, for other text, a year before OLDEST_YEAR, and the future.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        aware.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise CommandError(f"{option} is {text!r}; write it like 2026-11-01.", returncode=returncode) from None
    if aware.year < OLDEST_YEAR:
        raise CommandError(f"{option} lies before {OLDEST_YEAR}: {text}.", returncode=returncode)
    if aware > clock.now():
        raise CommandError(f"{option} lies in the future: {text}.", returncode=returncode)
    return aware
