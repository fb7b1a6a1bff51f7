"""Reads the processor's lists of top-ups and payouts, so that one whose events were lost is followed all the same."""

import datetime as dt
import logging
from collections.abc import Iterator
from typing import Protocol

from django.db.models import Max, Min

from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import require_no_transaction
from wallet import states
from wallet.models import OwnTransfer
from wallet.own_money.records import record
from wallet.processors.stripe.own_transfers import StripeTransfers, TransferPage

log = logging.getLogger(__name__)

# A payout may fail up to five business days after it seemed to have arrived (docs/issuers/stripe.md, Balances).
OVERLAP = dt.timedelta(days=10)
OPEN = (states.OwnTransfer.PENDING, states.OwnTransfer.IN_TRANSIT)


class TransferLists(Protocol):
    """The processor's lists (wallet/processors/stripe/own_transfers.py)."""

    provider: str

    def list_payouts(self, *, since: dt.datetime, cursor: str = "") -> TransferPage: ...

    def list_top_ups(self, *, since: dt.datetime, cursor: str = "") -> TransferPage: ...


def read(*, since: dt.datetime | None = None, lists: TransferLists | None = None) -> int:
    """Records what the lists say since then, or since the oldest that may still change; returns how many were news.

    Raises the list's error; what was recorded before it stays. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    asked = lists or StripeTransfers()
    start = since or read_since()
    return sum(
        record(found, provider=asked.provider)
        for listed in (asked.list_payouts, asked.list_top_ups)
        for page in _pages(listed, start)
        for found in page.rows
    )


def read_since() -> dt.datetime:
    """Returns ten days before the newest that is known, or the oldest that is still under way if that is earlier."""
    now = clock.now()
    newest = OwnTransfer.objects.aggregate(at=Max("created_at"))["at"]
    oldest_open = OwnTransfer.objects.filter(status__in=OPEN).aggregate(at=Min("created_at"))["at"]
    return min(oldest_open or now, (min(newest, now) if newest else now) - OVERLAP)


class _Listed(Protocol):
    def __call__(self, *, since: dt.datetime, cursor: str = "") -> TransferPage: ...


def _pages(listed: _Listed, since: dt.datetime) -> Iterator[TransferPage]:
    cursor = ""
    while True:
        page = listed(since=since, cursor=cursor)
        if page.unreadable:
            log.error("Top-ups or payouts that cannot be read: %s.", ", ".join(page.unreadable))
        yield page
        if not page.cursor:
            return
        if page.cursor == cursor:
            raise OneCardError("The processor's list names the same page as the next one.")
        cursor = page.cursor
