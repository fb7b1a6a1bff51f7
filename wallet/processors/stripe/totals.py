"""What Stripe says that we have now in the payments balance, and which movement is its newest."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import TypeVar

import stripe

from onecard.kit.currency_units import from_stripe
from onecard.kit.text import clean_message, clean_text
from wallet.processors.stripe.balance import SENSELESS, BalanceMovement, StripeBalance
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.lists import PACKAGE_RETRIES, ListUnavailableError

Answer = TypeVar("Answer")


def payments_balance() -> dict[str, int]:
    """Returns what is available and what is pending together, in minor units by upper-case currency.

    Raises ListUnavailableError.
    """

    def read() -> dict[str, int]:
        said = stripe_client().v1.balance.retrieve(None, PACKAGE_RETRIES).to_dict()
        found: dict[str, int] = {}
        for row in [*said["available"], *said["pending"]]:
            money = from_stripe(int(row["amount"]), clean_text(row["currency"], limit=3).upper())
            found[money.currency] = found.get(money.currency, 0) + money.minor
        return found

    return _asked(read, "balance")


def newest_movement() -> str:
    """Returns the id of the newest balance transaction of any balance, "" without one. Raises ListUnavailableError."""

    def read() -> str:
        data = stripe_client().v1.balance_transactions.list({"limit": 1}, PACKAGE_RETRIES).to_dict()["data"]
        return clean_text(data[0]["id"], limit=100) if data else ""

    return _asked(read, "list of its balance")


def movements(*, since: dt.datetime, until: dt.datetime) -> Iterator[BalanceMovement]:
    """Yields all movements from `since` to `until`, newest first.

    Raises ListUnavailableError, also for a movement that cannot be read: sums without it would be wrong.
    """
    cursor = ""
    while True:
        page = StripeBalance().list_movements(since=since, until=until, cursor=cursor)
        if page.unreadable:
            named = ", ".join(each.id for each in page.unreadable)
            raise ListUnavailableError(f"{named} in Stripe's list cannot be read: look them up in the dashboard.")
        yield from page.rows
        if not page.cursor or page.cursor == cursor:
            return
        cursor = page.cursor


def _asked(read: Callable[[], Answer], what: str) -> Answer:
    try:
        return read()
    except stripe.StripeError as error:
        said = clean_message(error.user_message or str(error), limit=200)
        raise ListUnavailableError(f"Stripe's {what} could not be read: {said}") from error
    except SENSELESS as error:
        raise ListUnavailableError(f"Stripe answered with something that is no {what}.") from error
