"""Whose an event of Stripe says that it is, and of when."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from onecard.kit.text import clean_text


@dataclass(frozen=True, slots=True)
class Origin:
    """The mode, the account ("" for our own) and the API version; a mode of None is not said."""

    livemode: bool | None = None
    account: str = ""
    api_version: str = ""


UNSAID = Origin()


def read(event: dict[str, Any]) -> Origin:
    """From an event's envelope. An account that is no text is somebody's, and not ours."""
    livemode, account = event.get("livemode"), event.get("account")
    return Origin(
        livemode=livemode if isinstance(livemode, bool) else None,
        account="" if account in (None, "") else clean_text(account, limit=120) or "unreadable",
        api_version=clean_text(event.get("api_version"), limit=120),
    )


def told_at(event: dict[str, Any]) -> dt.datetime | None:
    """When the event was made; None for one that does not say."""
    created = event.get("created")
    try:
        return dt.datetime.fromtimestamp(created, dt.UTC) if type(created) is int else None
    except (ValueError, OverflowError, OSError):
        return None
