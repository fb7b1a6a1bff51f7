"""Stripe's lists of charges and refunds, page by page in our types, for the reconciliation.

A list that cannot be read to its end raises: half a list would make the other half look missing.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import stripe

from onecard.kit.currency_units import from_stripe
from onecard.kit.errors import OneCardError
from onecard.kit.money import MoneyError
from onecard.kit.text import clean_message, clean_text
from wallet.processors.base import Outcome, RefundOutcome
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.intents import read_payment_intent
from wallet.processors.stripe.refunds import read_refund

PAGE = 100
# Reads change nothing, so the package may retry them itself (money-safety T19).
PACKAGE_RETRIES: stripe.RequestOptions = {"max_network_retries": 3}
Said = TypeVar("Said", Outcome, RefundOutcome)


class ListUnavailableError(OneCardError):
    """The processor's list could not be read to its end; conclude nothing from the pages before."""

    code = "processor_list_unavailable"


@dataclass(frozen=True, slots=True)
class ListedMoney(Generic[Said]):
    """One charge or refund at the processor; `amount_minor` is what moved, in an upper-case currency."""

    outcome: Said
    amount_minor: int
    currency: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class MoneyPage(Generic[Said]):
    """A page of a list, newest first; `cursor` asks for the next one and is "" at the end. It may be empty."""

    rows: tuple[ListedMoney[Said], ...]
    cursor: str


class StripeLists:
    """The two lists that a reconciliation reads."""

    provider = "stripe"

    def list_charges(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> MoneyPage[Outcome]:
        """Returns a page of payment intents made from `since` to `until`, without those that no card was tried for.

        Raises ListUnavailableError.
        """
        return _page(stripe_client().v1.payment_intents.list, since, until, cursor, _charge)

    def list_refunds(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> MoneyPage[RefundOutcome]:
        """Returns a page of refunds made from `since` to `until`. Raises ListUnavailableError."""
        return _page(stripe_client().v1.refunds.list, since, until, cursor, _refund)


def _page(
    ask: Callable[[Any, stripe.RequestOptions], Any],
    since: dt.datetime,
    until: dt.datetime,
    cursor: str,
    read: Callable[[Mapping[str, Any]], ListedMoney[Said] | None],
) -> MoneyPage[Said]:
    wanted: dict[str, Any] = {"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}, "limit": PAGE}
    if cursor:
        wanted["starting_after"] = cursor
    try:
        listed = ask(wanted, PACKAGE_RETRIES).to_dict()
        data, has_more = listed["data"], listed["has_more"] is True
        rows = tuple(row for row in map(read, data) if row is not None)
        return MoneyPage(rows, cursor=str(data[-1]["id"]) if has_more and data else "")
    except stripe.StripeError as error:
        said = clean_message(error.user_message or str(error), limit=200)
        raise ListUnavailableError(f"Stripe's list could not be read: {said}") from error
    except (LookupError, TypeError, ValueError, AttributeError, MoneyError) as error:
        raise ListUnavailableError("Stripe answered with something that is no list of money.") from error


def _charge(intent: Mapping[str, Any]) -> ListedMoney[Outcome] | None:
    outcome = read_payment_intent(intent)
    if outcome is None:
        return None
    return _money(outcome, intent, intent.get("amount_received") or intent["amount"])


def _refund(content: Mapping[str, Any]) -> ListedMoney[RefundOutcome] | None:
    outcome = read_refund(content)
    return None if outcome is None else _money(outcome, content, content["amount"])


def _money(outcome: Said, content: Mapping[str, Any], amount: Any) -> ListedMoney[Said]:
    created = dt.datetime.fromtimestamp(int(content["created"]), dt.UTC)
    money = from_stripe(int(amount), clean_text(content["currency"], limit=10))
    return ListedMoney(outcome, money.minor, money.currency, created)
