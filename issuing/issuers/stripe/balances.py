"""Stripe's Issuing balance and the holds on it, as our own values; pure (docs/issuers/stripe.md, Balances)."""

from collections.abc import Mapping
from typing import Any

from issuing.issuers import errors
from issuing.issuers.balances import BalanceThere, HoldEntry, HoldPage, OpenHold
from issuing.issuers.pages import UNREADABLE, Row, rows_of
from issuing.issuers.stripe.objects import read_id
from onecard.kit.currency_units import from_stripe
from onecard.kit.text import clean_text

HOLDS = ("issuing_authorization_hold", "issuing_authorization_release")


def read_balances(content: Mapping[str, Any]) -> tuple[BalanceThere, ...]:
    """Returns the Issuing balance by currency, empty for an account without one.

    Raises NetworkError for an answer that is no balance: no amount may be guessed.
    """
    try:
        issuing = content.get("issuing")
        rows = () if issuing is None else issuing["available"]
        return tuple(_balance(row) for row in rows)
    except UNREADABLE:
        raise errors.no_answer() from None


def read_holds(listed: Any) -> HoldPage:
    """Returns a page of authorizations that are not closed. Raises NetworkError when a row cannot be read."""
    rows, is_more = rows_of(listed, more="has_more")
    try:
        holds = tuple(_hold(row) for row in rows)
    except UNREADABLE:
        raise errors.no_answer() from None
    return HoldPage(holds, cursor=read_id(rows[-1]) if is_more else "")


def _balance(row: Row) -> BalanceThere:
    money = from_stripe(_amount(row), _currency(row))
    return BalanceThere(money.minor, money.currency)


def _hold(row: Row) -> OpenHold:
    steps = [each for each in row["balance_transactions"] if each["type"] in HOLDS]
    return OpenHold(read_id(row), tuple(_entry(each) for each in steps))


def _entry(row: Row) -> HoldEntry:
    money = from_stripe(_amount(row), _currency(row))
    return HoldEntry(read_id(row), money.minor, money.currency)


def _amount(row: Row) -> int:
    if type(row["amount"]) is not int:
        raise ValueError("An amount is no whole number.")
    return int(row["amount"])


def _currency(row: Row) -> str:
    return clean_text(row["currency"], limit=3).upper()
