"""Stripe's balance transactions, page by page in our words: what moved the balance, the fee, and in which currency.

A row's reporting category says what it is about, more finely than its type (docs/issuers/stripe.md, Reporting
categories). A list that cannot be read to its end raises; a row that makes no sense is handed on as one, and stops no
other.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import stripe

from onecard.kit.currency_units import from_stripe
from onecard.kit.errors import OneCardError
from onecard.kit.money import MoneyError, currency_exponent
from onecard.kit.text import clean_message, clean_text
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.disputes import ProcessorDispute, read_dispute
from wallet.processors.stripe.lists import PAGE, PATIENT, ListUnavailableError


class Kind(StrEnum):
    """What moved the balance, as far as the books tell it apart."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"
    OTHER = "other"


KINDS = {
    "charge": Kind.CHARGE,
    "charge_failure": Kind.CHARGE,
    # The rest of a hold of which a part was captured: its charge is listed whole.
    "partial_capture_reversal": Kind.REFUND,
    "refund": Kind.REFUND,
    "refund_failure": Kind.REFUND,
    "dispute": Kind.DISPUTE,
    "dispute_reversal": Kind.DISPUTE,
    "fee": Kind.FEE,
}
FEE_TYPES = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})
# What a row that makes no sense is met with; a moment out of all bounds is an OSError on some machines.
SENSELESS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, OSError, MoneyError)


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
    dispute: ProcessorDispute | None = None

    @property
    def is_exchanged(self) -> bool:
        """Whether it settled in another currency than the cardholder's."""
        return self.source_currency not in ("", self.currency)


@dataclass(frozen=True, slots=True)
class UnreadableMovement:
    """A row that makes no sense: by its id, or a name of its own, why, and the gross amount as far as it is known.

    `amount_minor` is 0 and `currency` "" where nobody can tell.
    """

    id: str
    why: str
    amount_minor: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class BalancePage:
    """A stretch of the list, newest first; `cursor` asks for the next one and is "" at the end.

    The rows that make no sense are beside the others, and may be on the next page once more.
    """

    rows: tuple[BalanceMovement, ...]
    cursor: str
    unreadable: tuple[UnreadableMovement, ...] = ()


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
            return read_page(stripe_client().v1.balance_transactions.list(wanted, PATIENT).to_dict())
        except stripe.StripeError as error:
            said = clean_message(error.user_message or str(error), limit=200)
            raise ListUnavailableError(f"Stripe's list could not be read: {said}") from error
        except SENSELESS as error:
            raise ListUnavailableError("Stripe answered with something that is no list of its balance.") from error


def read_page(listed: Mapping[str, Any]) -> BalancePage:
    """An answer to the question for a list, in our words. Raises one of SENSELESS where it is no list."""
    data = listed["data"]
    if not isinstance(data, list):
        raise TypeError("What should be a list of rows is none.")
    read = [_read(row) for row in data]
    return BalancePage(
        rows=tuple(each for each in read if isinstance(each, BalanceMovement)),
        cursor=_cursor(data) if listed["has_more"] is True and data else "",
        unreadable=tuple(each for each in read if isinstance(each, UnreadableMovement)),
    )


def _cursor(data: Sequence[Any]) -> str:
    """The last row that has an id: what stands behind it without one is on the next page again."""
    ids = [str(row["id"]) for row in data if isinstance(row, Mapping) and clean_text(row.get("id"), limit=100)]
    return ids[-1]


def _read(row: Any) -> BalanceMovement | UnreadableMovement:
    try:
        return _movement(row)
    except SENSELESS as error:
        return _unreadable(row if isinstance(row, Mapping) else {"id": None, "row": row}, error)


def _unreadable(row: Mapping[str, Any], error: Exception) -> UnreadableMovement:
    amount = row.get("amount")
    try:
        currency = _currency(row.get("currency"))
    except MoneyError:
        currency = ""
    return UnreadableMovement(
        id=clean_text(row.get("id"), limit=100) or _own_name(row),
        why=_why(error),
        amount_minor=abs(amount) if isinstance(amount, int) and currency else 0,
        currency=currency,
    )


def _own_name(row: Mapping[str, Any]) -> str:
    """The same for the same row tomorrow, of which time changes some fields (its status, its source)."""
    lasting = [str(row.get(name)) for name in ("amount", "created", "currency", "fee", "type", "row")]
    return f"without-id-{hashlib.sha256(repr(lasting).encode('utf-8', 'replace')).hexdigest()[:16]}"


def _why(error: Exception) -> str:
    if isinstance(error, OneCardError):
        return error.message
    said = clean_message(str(error), limit=80)
    return f"It has no {said}." if isinstance(error, KeyError) else said or type(error).__name__


def _movement(row: Mapping[str, Any]) -> BalanceMovement:
    kind, word = _kind(row), clean_text(row["type"], limit=64)
    rate = None if row["exchange_rate"] is None else Decimal(str(row["exchange_rate"]))
    amount, source = int(row["amount"]), _source(row, kind)
    currency, theirs = _currency(row["currency"]), _currency(source["currency"]) if source else ""
    return BalanceMovement(
        id=_id(row["id"]),
        kind=kind,
        word=word,
        amount_minor=from_stripe(amount, currency).minor,
        currency=currency,
        fee_minor=from_stripe(_fee(row, kind, word), currency).minor,
        source_minor=from_stripe(_source_minor(source, amount, rate), theirs).minor if source else 0,
        source_currency=theirs,
        exchange_rate=rate,
        processor_charge_id=clean_text(source.get("payment_intent"), limit=64),
        charge_public_id=clean_text((source.get("metadata") or {}).get("funding_charge"), limit=64),
        created_at=dt.datetime.fromtimestamp(int(row["created"]), dt.UTC),
        dispute=read_dispute(source) if kind == Kind.DISPUTE and source else None,
    )


def _source(row: Mapping[str, Any], kind: Kind) -> Mapping[str, Any]:
    """The charge or refund itself. Raises ValueError where only it would tell what was exchanged."""
    if kind not in (Kind.CHARGE, Kind.REFUND, Kind.DISPUTE):
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
