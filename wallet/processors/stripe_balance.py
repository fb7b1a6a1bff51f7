"""Stripe's balance transactions, page by page in our words: what moved the balance, the fee, and in which currency.

What a row is about is said by its reporting category, which is finer than its type (Stripe, reporting categories). A
list that cannot be read to its end raises.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import stripe

from onecard.kit.money import MoneyError, currency_exponent
from onecard.kit.text import clean_text
from wallet.processors.stripe import stripe_client
from wallet.processors.stripe_lists import PAGE, PATIENT, ListUnavailableError


class Kind(StrEnum):
    """What moved the balance, as far as the books tell it apart."""

    CHARGE = "charge"
    REFUND = "refund"
    FEE = "fee"
    OTHER = "other"


KINDS = {
    "charge": Kind.CHARGE,
    "charge_failure": Kind.CHARGE,
    # The rest of a hold of which a part was captured: its charge is listed whole.
    "partial_capture_reversal": Kind.REFUND,
    "refund": Kind.REFUND,
    "refund_failure": Kind.REFUND,
    "fee": Kind.FEE,
}
FEE_TYPES = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})


@dataclass(frozen=True, slots=True)
class BalanceMovement:
    """One movement of our balance at the processor, gross: in (positive) or out (negative), in minor units.

    `fee_minor` is what the processor keeps beside it (negative: gives back), in the same upper-case currency. The
    source is what the cardholder paid or got, 0 where it is no charge or refund; the rate makes its amount ours.
    `word` is the processor's own for it, and the ids are those of the charge, "" where there is none.
    """

    id: str
    kind: Kind
    word: str
    amount_minor: int
    currency: str
    fee_minor: int
    source_minor: int
    source_currency: str
    exchange_rate: Decimal | None
    processor_charge_id: str
    charge_public_id: str
    created_at: dt.datetime

    @property
    def is_exchanged(self) -> bool:
        """Whether it settled in another currency than the cardholder's."""
        return self.source_currency not in ("", self.currency)


@dataclass(frozen=True, slots=True)
class BalancePage:
    """A stretch of the list, newest first; `cursor` asks for the next one and is "" at the end."""

    rows: tuple[BalanceMovement, ...]
    cursor: str


class StripeBalance:
    """The list of what moved our balance."""

    def list_movements(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> BalancePage:
        """A page of what was entered from `since` up to, and without, `until`. Raises ListUnavailableError."""
        wanted: Any = {
            "created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())},
            "limit": PAGE,
            "expand": ["data.source"],
        }
        if cursor:
            wanted["starting_after"] = cursor
        try:
            listed = stripe_client().v1.balance_transactions.list(wanted, PATIENT).to_dict()
            data, has_more = listed["data"], listed["has_more"] is True
            return BalancePage(tuple(map(_movement, data)), cursor=str(data[-1]["id"]) if has_more and data else "")
        except stripe.StripeError as error:
            said = clean_text(error.user_message or str(error), limit=200)
            raise ListUnavailableError(f"Stripe's list could not be read: {said}") from error
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, MoneyError) as error:
            raise ListUnavailableError("Stripe answered with something that is no list of its balance.") from error


def _movement(row: Mapping[str, Any]) -> BalanceMovement:
    kind, word = _kind(row), clean_text(row["type"], limit=64)
    rate = None if row["exchange_rate"] is None else Decimal(str(row["exchange_rate"]))
    amount, source = int(row["amount"]), _source(row, kind)
    return BalanceMovement(
        id=_id(row["id"]),
        kind=kind,
        word=word,
        amount_minor=amount,
        currency=_currency(row["currency"]),
        fee_minor=_fee(row, kind, word),
        source_minor=_source_minor(source, amount, rate) if source else 0,
        source_currency=_currency(source["currency"]) if source else "",
        exchange_rate=rate,
        processor_charge_id=clean_text(source.get("payment_intent"), limit=64),
        charge_public_id=clean_text((source.get("metadata") or {}).get("funding_charge"), limit=64),
        created_at=dt.datetime.fromtimestamp(int(row["created"]), dt.UTC),
    )


def _source(row: Mapping[str, Any], kind: Kind) -> Mapping[str, Any]:
    """The charge or refund itself. Raises ValueError where only it would tell what was exchanged."""
    if kind not in (Kind.CHARGE, Kind.REFUND):
        return {}
    if isinstance(row["source"], Mapping):
        return row["source"]
    if row["exchange_rate"] is not None:
        raise ValueError("A movement in another currency does not say of what.")
    return {}


def _kind(row: Mapping[str, Any]) -> Kind:
    known = KINDS.get(str(row["reporting_category"]))
    return known or (Kind.FEE if row["type"] in FEE_TYPES else Kind.OTHER)


def _fee(row: Mapping[str, Any], kind: Kind, word: str) -> int:
    """A row that is nothing but a fee takes it as its amount; the issuing balance is not the processor's."""
    if word.startswith("issuing_") or row.get("balance_type") == "issuing":
        return 0
    return int(row["fee"]) - int(row["amount"]) * (kind == Kind.FEE)


def _source_minor(source: Mapping[str, Any], amount: int, rate: Decimal | None) -> int:
    """What a row moved in the cardholder's currency.

    Of a hold that was captured in part there are a row of the whole and one of what was let go, and both may name the
    charge: the rate says which amount is meant.
    """
    whole = int(source["amount"])
    taken = int(source.get("amount_captured", whole))
    expected = abs(amount) / rate if rate else Decimal(abs(amount))
    return min({whole, taken, whole - taken} - {0}, key=lambda each: abs(each - expected))


def _id(value: Any) -> str:
    if not (text := clean_text(value, limit=100)):
        raise ValueError("A row has no id.")
    return text


def _currency(value: Any) -> str:
    currency = clean_text(value, limit=3).upper()
    currency_exponent(currency)
    return currency
