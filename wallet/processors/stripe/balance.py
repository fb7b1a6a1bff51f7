"""Stripe's balance transactions, page by page in our types: what moved, the fee, and in which currency.

A row's reporting category is finer than its type (docs/issuers/stripe.md, Reporting categories). A list that cannot be
read to its end raises. An unreadable row is returned as such and stops no other row.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

import stripe

from onecard.kit.currency_units import from_stripe
from onecard.kit.errors import OneCardError
from onecard.kit.money import MoneyError, currency_exponent
from onecard.kit.text import clean_message, clean_text
from wallet.processors.stripe.client import stripe_client
from wallet.processors.stripe.disputes import ProcessorDispute, read_dispute
from wallet.processors.stripe.lists import PACKAGE_RETRIES, PAGE, ListUnavailableError


class Kind(StrEnum):
    """What moved the balance, as far as our ledger distinguishes it."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"
    FEE = "fee"
    TOP_UP = "top_up"
    PAYOUT = "payout"
    TRANSFER = "transfer"
    # Holds and purchases, which the issuer reports by itself.
    ISSUING = "issuing"
    OTHER = "other"


class Balance(StrEnum):
    """Which balance of ours moved: that of our charges, or the one that pays purchases."""

    PAYMENTS = "payments"
    ISSUING = "issuing"


KINDS = {
    "charge": Kind.CHARGE,
    "charge_failure": Kind.CHARGE,
    # The released rest of a partial capture: its charge is listed whole.
    "partial_capture_reversal": Kind.REFUND,
    "refund": Kind.REFUND,
    "refund_failure": Kind.REFUND,
    "dispute": Kind.DISPUTE,
    "dispute_reversal": Kind.DISPUTE,
    "fee": Kind.FEE,
    "topup": Kind.TOP_UP,
    "topup_reversal": Kind.TOP_UP,
    "payout": Kind.PAYOUT,
    "payout_reversal": Kind.PAYOUT,
    "transfer": Kind.TRANSFER,
    "transfer_reversal": Kind.TRANSFER,
}
OWN_MONEY = (Kind.TOP_UP, Kind.PAYOUT, Kind.TRANSFER)
HOLDS = ("issuing_authorization_hold", "issuing_authorization_release")
FEE_TYPES = frozenset({"stripe_fee", "stripe_fx_fee", "tax_fee"})
# The errors of an unreadable row; some systems raise OSError for a time out of bounds.
SENSELESS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, OSError, MoneyError)


@dataclass(frozen=True, slots=True)
class BalanceMovement:
    """One gross movement of our balance at the processor: in (positive) or out (negative), in minor units.

    `fee_minor` is what the processor keeps beside it (negative: returns), in the same upper-case currency. The source
    is what the cardholder paid or received, 0 when it is no charge or refund; the rate converts it to our currency.
    `word` is the processor's category, and the ids are those of the charge, "" without one. `source_id` names what it
    is about.
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
    balance: Balance = Balance.PAYMENTS
    source_id: str = ""

    @property
    def net_minor(self) -> int:
        """What the balance gained (positive) or lost by it."""
        return (0 if self.kind == Kind.FEE else self.amount_minor) - self.fee_minor

    @property
    def is_hold(self) -> bool:
        """Whether it only holds money for a purchase, or lets it go."""
        return self.word in HOLDS

    @property
    def is_exchanged(self) -> bool:
        """Whether it settled in another currency than the cardholder's."""
        return self.source_currency not in ("", self.currency)


@dataclass(frozen=True, slots=True)
class UnreadableMovement:
    """A row that cannot be read: its id or a name that we give it, why, and the gross amount if known.

    `amount_minor` is 0 and `currency` "" when they are unknown.
    """

    id: str
    why: str
    amount_minor: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class BalancePage:
    """A page of the list, newest first; `cursor` asks for the next one and is "" at the end.

    Unreadable rows are listed apart and may appear on the next page again.
    """

    rows: tuple[BalanceMovement, ...]
    cursor: str
    unreadable: tuple[UnreadableMovement, ...] = ()


class StripeBalance:
    """Stripe's list of balance transactions."""

    def list_movements(self, *, since: dt.datetime, until: dt.datetime, cursor: str = "") -> BalancePage:
        """Returns a page of movements from `since` up to, and without, `until`. Raises ListUnavailableError."""
        return self._page({"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}}, cursor)

    def list_about(self, source_id: str) -> BalancePage:
        """Returns the movements of one top-up or payout, which are few. Raises ListUnavailableError."""
        return self._page({"source": source_id}, "")

    def _page(self, wanted: dict[str, Any], cursor: str) -> BalancePage:
        wanted |= {"limit": PAGE, "expand": ["data.source"]}
        if cursor:
            wanted["starting_after"] = cursor
        try:
            return read_page(
                stripe_client().v1.balance_transactions.list(cast("Any", wanted), PACKAGE_RETRIES).to_dict()
            )
        except stripe.StripeError as error:
            said = clean_message(error.user_message or str(error), limit=200)
            raise ListUnavailableError(f"Stripe's list could not be read: {said}") from error
        except SENSELESS as error:
            raise ListUnavailableError("Stripe answered with something that is no list of its balance.") from error


def read_page(listed: Mapping[str, Any]) -> BalancePage:
    """Reads an answer of the list. Raises one of SENSELESS when it is not a list."""
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
    """Returns the last row with an id; rows after it are on the next page again."""
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
    """Returns a name that stays the same tomorrow, although time changes the row's status and source."""
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
        fee_minor=from_stripe(_fee(row, kind), currency).minor,
        source_minor=from_stripe(_source_minor(source, amount, rate), theirs).minor if source else 0,
        source_currency=theirs,
        exchange_rate=rate,
        processor_charge_id=clean_text(source.get("payment_intent"), limit=64),
        charge_public_id=clean_text((source.get("metadata") or {}).get("funding_charge"), limit=64),
        created_at=dt.datetime.fromtimestamp(int(row["created"]), dt.UTC),
        dispute=read_dispute(source) if kind == Kind.DISPUTE and source else None,
        balance=_balance(row),
        source_id=_source_id(row),
    )


def _balance(row: Mapping[str, Any]) -> Balance:
    """Returns the balance that moved. Older API versions do not say it (docs/issuers/stripe.md, Balances)."""
    source = row.get("source")
    words = [row.get("balance_type"), source.get("destination_balance") if isinstance(source, Mapping) else None]
    is_issuing = str(row["type"]).startswith("issuing_") or next(filter(None, words), "") == Balance.ISSUING
    return Balance.ISSUING if is_issuing else Balance.PAYMENTS


def _source_id(row: Mapping[str, Any]) -> str:
    source = row.get("source")
    return clean_text(source.get("id") if isinstance(source, Mapping) else source, limit=100)


def _source(row: Mapping[str, Any], kind: Kind) -> Mapping[str, Any]:
    """Returns the charge or refund. Raises ValueError when only it would say what was exchanged."""
    if kind not in (Kind.CHARGE, Kind.REFUND, Kind.DISPUTE):
        return {}
    if isinstance(row["source"], Mapping):
        return row["source"]
    if row["exchange_rate"] is not None:
        raise ValueError("A movement in another currency does not say of what.")
    return {}


def _kind(row: Mapping[str, Any]) -> Kind:
    if known := KINDS.get(str(row["reporting_category"])):
        return known
    if row["type"] in FEE_TYPES:
        return Kind.FEE
    return Kind.ISSUING if str(row["type"]).startswith("issuing_") else Kind.OTHER


def _fee(row: Mapping[str, Any], kind: Kind) -> int:
    """Returns the row's fee, which is the amount of a row that is only a fee."""
    return int(row["fee"]) - int(row["amount"]) * (kind == Kind.FEE)


def _source_minor(source: Mapping[str, Any], amount: int, rate: Decimal | None) -> int:
    """Returns what a row moved in the cardholder's currency.

    A partial capture has a row of the whole and a row of the released rest, and both may name the charge: the rate says
    which amount is meant.
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
