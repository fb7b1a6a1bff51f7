"""Captures in another currency, and what they come to."""

from typing import Any

from issuing.billing import position
from issuing.models import Authorization, CardTransaction
from tests.support.purchases import transaction_event
from wallet.accounts import Account
from wallet.ledger import postings as ledger

EventBody = dict[str, Any]


def foreign_event(
    asked: EventBody, minor: int, converted: int | None, *, kind: str = "capture", number: int = 1
) -> EventBody:
    """A movement in euros on a purchase in dollars; `converted` is the amount in dollars that its issuer states."""
    event = transaction_event(asked, minor, kind=kind, number=number)
    said = (
        {}
        if converted is None
        else {"merchant_amount": -converted if kind == "capture" else converted, "merchant_currency": "usd"}
    )
    event["data"]["object"] |= {"currency": "eur", **said}
    return event


def amount_owed() -> int:
    return position.of(Authorization.objects.get()).due_minor


def balances() -> dict[str, int]:
    """What is left on the accounts that returns to zero, and what the exchange holds, by currency."""
    return {
        f"{account} {currency}": ledger.balance(account, currency=currency)
        for account in (Account.PURCHASES, Account.EXCHANGE)
        for currency in ("USD", "EUR")
    }


def amounts_beside(row: Authorization | CardTransaction) -> tuple[int | None, str, int, int]:
    return row.merchant_amount_minor, row.merchant_currency, row.cash_minor, row.atm_fee_minor
