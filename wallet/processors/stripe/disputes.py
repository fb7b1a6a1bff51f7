"""Stripe's disputes of our charges in our types (docs/issuers/stripe.md, Dispute object)."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onecard.kit.currency_units import from_stripe
from onecard.kit.money import MAX_AMOUNT_MINOR
from onecard.kit.text import clean_text
from wallet.processors.stripe.intents import intent_of
from wallet.states import FundingDispute

# The bank's reasons as sentences (docs/issuers/stripe.md, Dispute categories).
REASONS = {
    "bank_cannot_process": "the bank cannot process the payment",
    "check_returned": "a check was returned",
    "credit_not_processed": "the cardholder says that a refund never came",
    "customer_initiated": "the cardholder took the payment back",
    "debit_not_authorized": "the cardholder says that the debit was not authorized",
    "duplicate": "the cardholder says that it was charged twice",
    "fraudulent": "the cardholder says that the charge is not theirs",
    "general": "the bank gives no exact reason",
    "incorrect_account_details": "the account details are wrong",
    "insufficient_funds": "the account has not enough money",
    "noncompliant": "the bank says that the charge breaks the network's rules",
    "product_not_received": "the cardholder says that nothing was delivered",
    "product_unacceptable": "the cardholder says that what came was not as described",
    "subscription_canceled": "the cardholder says that a subscription was canceled",
    "unrecognized": "the cardholder does not know the charge",
}


@dataclass(frozen=True, slots=True)
class DisputeMovement:
    """What a dispute moved of our balance: taken (negative) or returned; the fee is what Stripe keeps beside it."""

    id: str
    amount_minor: int
    fee_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class ProcessorDispute:
    """A dispute of a charge as the processor reports it; minor units of an upper-case currency."""

    id: str
    status: str
    reason: str
    amount_minor: int
    currency: str
    payment_intent_id: str
    charge_id: str
    due_at: dt.datetime | None
    opened_at: dt.datetime
    movements: tuple[DisputeMovement, ...]


def read_dispute(content: Mapping[str, Any]) -> ProcessorDispute | None:
    """Reads a dispute object; None for an unknown status. Raises ValueError, KeyError or TypeError for nonsense."""
    status = clean_text(content.get("status"), limit=30)
    if status not in FundingDispute.values:
        return None
    money = from_stripe(content["amount"], content["currency"])
    dispute_id = clean_text(content["id"], limit=64)
    if not dispute_id or not 0 < money.minor <= MAX_AMOUNT_MINOR:
        raise ValueError("The dispute has no id, or no amount.")
    details = content.get("evidence_details")
    return ProcessorDispute(
        id=dispute_id,
        status=status,
        reason=clean_text(content.get("reason"), limit=60),
        amount_minor=money.minor,
        currency=money.currency,
        payment_intent_id=intent_of(content),
        charge_id=_id(content.get("charge")),
        due_at=_moment(details.get("due_by")) if isinstance(details, Mapping) else None,
        opened_at=_moment(content.get("created")) or dt.datetime.now(dt.UTC),
        movements=tuple(_movement(row) for row in content.get("balance_transactions") or ()),
    )


def _movement(row: Mapping[str, Any]) -> DisputeMovement:
    money = from_stripe(row["amount"], row["currency"])
    fee = from_stripe(row.get("fee") or 0, row["currency"])
    if max(abs(money.minor), abs(fee.minor)) > MAX_AMOUNT_MINOR:
        raise ValueError("The dispute moved more than can be booked.")
    return DisputeMovement(clean_text(row["id"], limit=100), money.minor, fee.minor, money.currency)


def _id(value: Any) -> str:
    """Returns the id of an object that is given by its id or expanded."""
    return clean_text(value.get("id") if isinstance(value, Mapping) else value, limit=64)


def _moment(value: Any) -> dt.datetime | None:
    is_time = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**11
    return dt.datetime.fromtimestamp(value, dt.UTC) if is_time else None
