"""Reads an event's origin at Stripe: its mode, account and API version, and when it was made."""

import datetime as dt
from typing import Any

from django.conf import settings

from issuing.issuers.messages import Origin
from onecard.kit.text import clean_text

UNREADABLE = "unreadable"


def read(event: dict[str, Any]) -> Origin:
    """Returns the origin of an event's envelope.

    A malformed account counts as somebody else's, and a malformed version as one that is not read here.
    """
    livemode, account, version = event.get("livemode"), event.get("account"), event.get("api_version")
    return Origin(
        livemode=livemode if isinstance(livemode, bool) else None,
        account="" if account in (None, "") else clean_text(account, limit=120) or UNREADABLE,
        api_version="" if version in (None, "") else clean_text(version, limit=120) or UNREADABLE,
    )


def is_read(version: str) -> bool:
    """Returns whether events of this API version are read here; an event without a version is."""
    read_here = (settings.STRIPE_API_VERSION, *settings.STRIPE_EVENT_VERSIONS)
    return not version or _release(version) in {_release(each) for each in read_here}


def _release(version: str) -> str:
    """Returns the release of an API version. Within a named release versions differ only compatibly.

    A date without a name is a release of its own.
    """
    return version.partition(".")[2] or version


def reported_at(event: dict[str, Any]) -> dt.datetime | None:
    """Returns when the event was made; None if it does not say."""
    created = event.get("created")
    try:
        return dt.datetime.fromtimestamp(created, dt.UTC) if type(created) is int else None
    except (ValueError, OverflowError, OSError):
        return None
