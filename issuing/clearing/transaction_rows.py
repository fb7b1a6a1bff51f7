"""Turns a reported movement into its row; reads and writes no database."""

from dataclasses import dataclass
from typing import Any

from issuing.issuers.base import IssuerTransaction
from issuing.issuers.transaction_kinds import Kind
from issuing.models import CardTransaction
from onecard.kit.errors import OneCardError
from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError, currency_exponent

Type = CardTransaction.Type
Processing = CardTransaction.Processing
# Types that move money; nothing else of an issuer's list is recorded.
TYPES: dict[str, str] = {Kind.CAPTURE: Type.SETTLEMENT, Kind.REFUND: Type.REFUND}
MONEY_BACK = (Type.REFUND, Type.CHARGEBACK, Type.PROVISIONAL_CREDIT)
# Each reversal and the type that it reverses.
TAKES_BACK: dict[str, str] = {
    Type.CHARGEBACK_REVERSAL: Type.CHARGEBACK,
    Type.PROVISIONAL_DEBIT: Type.PROVISIONAL_CREDIT,
}
FACTS = ("transaction_type", "amount_minor", "currency")


class UnrecordableError(OneCardError):
    """The issuer reports an impossible movement of money; the message says why."""

    code = "unrecordable_transaction"


@dataclass(frozen=True, slots=True)
class Difference:
    """What we have recorded and what the issuer reports now, each as text."""

    ours: str
    theirs: str


def type_of(found: IssuerTransaction, transaction_type: str = "") -> str:
    """Returns one of CardTransaction.Type, or "" for no movement of money.

    `transaction_type` is for rows without a kind.
    """
    return transaction_type or TYPES.get(found.kind, "")


def row_of(found: IssuerTransaction, transaction_type: str = "") -> dict[str, Any]:
    """Returns the columns that the movement itself gives.

    Raises UnrecordableError for an impossible amount or currency.
    """
    kind = type_of(found, transaction_type)
    amount_minor = -found.amount_minor if kind in MONEY_BACK else found.amount_minor
    try:
        currency_exponent(found.currency)
    except MoneyError as error:
        raise UnrecordableError(f"The transaction {found.id}: {error.message}.") from None
    if not 0 <= amount_minor <= MAX_AMOUNT_MINOR:
        raise UnrecordableError(f"The transaction {found.id} is a {kind} of {found.amount_minor} minor units.")
    return {
        "issuer_authorization_id": found.authorization_id,
        "issuer_card_id": found.issuer_card_id,
        "transaction_type": kind,
        "processing_status": Processing.PENDING if kind in TAKES_BACK else Processing.SETTLED,
        "amount_minor": amount_minor,
        "currency": found.currency,
        "merchant_amount_minor": found.merchant_amount_minor,
        "merchant_currency": found.merchant_currency,
        "cash_minor": found.cash_minor,
        "atm_fee_minor": found.atm_fee_minor,
        "mcc": found.mcc,
        "merchant_name": found.merchant_name,
        "occurred_at": found.created_at,
    }


def dispute_of(kept: CardTransaction) -> str:
    """Returns the issuer's id of the dispute that moved it:

    It stands before the movement's own (issuing/disputes.py).
    """
    return kept.issuer_transaction_id.partition(":")[0]


def check(found: IssuerTransaction) -> None:
    """Raises UnrecordableError for an amount or a currency that could not be recorded."""
    if type_of(found):
        row_of(found)


def difference(kept: CardTransaction, row: dict[str, Any]) -> Difference | None:
    """Returns what the kept row has differently from the new report: amount, currency or type."""
    if all(getattr(kept, name) == row[name] for name in FACTS):
        return None
    money = Money(row["amount_minor"], row["currency"])
    return Difference(f"{kept.transaction_type} {kept.money}", f"{row['transaction_type']} {money}")


def missing(kept: CardTransaction, row: dict[str, Any]) -> dict[str, Any]:
    """Returns what the kept row lacks and the new report has; amount, currency and type are never among it.

    Nor is a purchase, once staff have marked the refund as belonging to none (issuing/clearing/manual_matching.py). For
    a contradicted movement, staff decide whose it is (issuing/inbox/references.py).
    """
    fixed: tuple[str, ...] = FACTS
    if kept.of_no_purchase_at is not None:
        fixed = (*FACTS, "authorization_id", "contradiction")
    if kept.contradiction:
        fixed = (*FACTS, "authorization_id", "card_id", "issuer_authorization_id", "contradiction")
    return {name: value for name, value in row.items() if name not in fixed and value and not getattr(kept, name)}
