"""Marqeta's program reserve as our own values; pure (docs/issuers/marqeta.md, Program reserve)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from issuing.issuers import errors
from issuing.issuers.balances import BalanceThere
from issuing.issuers.pages import UNREADABLE
from onecard.kit.money import Money
from onecard.kit.text import clean_text


def read_balances(content: Mapping[str, Any]) -> tuple[BalanceThere, ...]:
    """Returns the reserve by currency; raises NetworkError for an answer that is none."""
    try:
        rows = content["balances"].values() if content.get("balances") else [content]
        return tuple(_balance(row) for row in rows)
    except UNREADABLE:
        raise errors.no_answer() from None


def _balance(row: Mapping[str, Any]) -> BalanceThere:
    amount = row["available_balance"]
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal):
        raise ValueError("A balance is no number.")  # noqa: TRY004  (it is read as unreadable, whatever it is)
    money = Money.read(amount, clean_text(row["currency_code"], limit=3).upper())
    return BalanceThere(money.minor, money.currency)
