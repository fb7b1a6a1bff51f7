"""Stripe's top-ups and payouts in our types: from an event's object, or page by page from its lists."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import stripe

from onecard.kit.currency_units import from_stripe
from onecard.kit.money import Money
from onecard.kit.text import clean_message, clean_text, free_text
from wallet.models import OwnTransfer
from wallet.processors.stripe.balance import SENSELESS
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.lists import PACKAGE_RETRIES, PAGE, ListUnavailableError
from wallet.states import OwnTransfer as Status

STATES = {
    "pending": Status.PENDING,
    "in_transit": Status.IN_TRANSIT,
    "paid": Status.ARRIVED,
    "succeeded": Status.ARRIVED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELED,
    "reversed": Status.REVERSED,
}
KINDS = {"topup": OwnTransfer.Kind.TOP_UP, "payout": OwnTransfer.Kind.PAYOUT}


@dataclass(frozen=True, slots=True)
class FoundTransfer:
    """A top-up or payout as Stripe tells it now; `failure` is its bank's words or code, "" without one."""

    id: str
    kind: str
    balance: str
    status: str
    money: Money
    failure: str
    expected_at: dt.datetime | None
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class TransferPage:
    """A page of a list, newest first; `cursor` asks for the next one and is "" at the end.

    `unreadable` names the rows that could not be read.
    """

    rows: tuple[FoundTransfer, ...]
    cursor: str
    unreadable: tuple[str, ...] = ()


class StripeTransfers:
    """Stripe's two lists of our own money."""

    provider = "stripe"

    def list_payouts(self, *, since: dt.datetime, cursor: str = "") -> TransferPage:
        """Returns a page of payouts made since then. Raises ListUnavailableError."""
        return _page(lambda wanted: stripe_client().v1.payouts.list(wanted, PACKAGE_RETRIES), since, cursor)

    def list_top_ups(self, *, since: dt.datetime, cursor: str = "") -> TransferPage:
        """Returns a page of top-ups made since then. Raises ListUnavailableError."""
        return _page(lambda wanted: stripe_client().v1.topups.list(wanted, PACKAGE_RETRIES), since, cursor)


def read_transfer(content: Mapping[str, Any]) -> FoundTransfer:
    """Reads a top-up or payout. Raises ValueError or another of SENSELESS when it makes no sense."""
    kind = KINDS[str(content["object"])]
    found, amount = clean_text(content["id"], limit=64), content["amount"]
    status = STATES.get(str(content["status"]))
    if not found or status is None or not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0:
        raise ValueError(f"It has no id, no positive amount or a status that is new to us ({content['status']!r}).")
    expected = content.get("arrival_date") or content.get("expected_availability_date")
    to_issuer = kind == OwnTransfer.Kind.TOP_UP and content.get("destination_balance") == OwnTransfer.Balance.ISSUING
    return FoundTransfer(
        id=found,
        kind=kind,
        balance=OwnTransfer.Balance.ISSUING if to_issuer else OwnTransfer.Balance.PAYMENTS,
        status=status,
        money=from_stripe(amount, clean_text(content["currency"], limit=3).upper()),
        failure=free_text(content.get("failure_message") or content.get("failure_code"), limit=300),
        expected_at=_moment(expected) if expected else None,
        created_at=_moment(content["created"]),
    )


def _page(ask: Callable[[Any], Any], since: dt.datetime, cursor: str) -> TransferPage:
    wanted: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
    if cursor:
        wanted["starting_after"] = cursor
    try:
        listed = ask(wanted).to_dict()
        data, has_more = listed["data"], listed["has_more"] is True
        last = str(data[-1]["id"]) if has_more and data else ""
    except stripe.StripeError as error:
        said = clean_message(error.user_message or str(error), limit=200)
        raise ListUnavailableError(f"Stripe's list could not be read: {said}") from error
    except SENSELESS as error:
        raise ListUnavailableError("Stripe answered with something that is no list of our own money.") from error
    rows, unreadable = [], []
    for row in data:
        try:
            rows.append(read_transfer(row))
        except SENSELESS:
            unreadable.append(clean_text(row.get("id") if isinstance(row, Mapping) else None, limit=64) or "a row")
    return TransferPage(tuple(rows), last, tuple(unreadable))


def _moment(seconds: Any) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC)
