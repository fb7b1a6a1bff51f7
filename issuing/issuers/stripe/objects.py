"""Stripe's objects and parameters, to and from our own words; pure."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import stripe
from stripe.params.issuing import CardCreateParamsSpendingControlsSpendingLimit as LimitParams
from stripe.params.issuing import (
    CardholderCreateParams,
    CardholderCreateParamsBillingAddress,
    CardholderCreateParamsIndividual,
    CardholderUpdateParams,
)

from issuing.issuers import errors
from issuing.issuers.base import (
    Address,
    CardPage,
    IssuedCard,
    IssuerTransaction,
    Limits,
    Page,
    Person,
    RefusedError,
    RevealGrant,
)
from issuing.issuers.pages import names_of, read_each, rows_of
from issuing.issuers.side_amounts import of_stripe
from issuing.issuers.transaction_kinds import Kind
from issuing.states import Card
from onecard.kit import exact_json
from onecard.kit.currency_units import from_stripe, rounded_for_stripe, to_stripe
from onecard.kit.money import Money, MoneyError
from onecard.kit.text import clean_text, free_text

# What we note on Stripe's objects: the key that made them, and the state and reason of our last move.
KEY, MARK, REASON = "one_card_key", "one_card_status", "one_card_reason"
LONGEST_NAME = 24
_NO_LETTERS = re.compile(r"[^\w .'\-]|[\d_]")
_TO_STRIPE = {Card.ACTIVE.value: "active", Card.FROZEN.value: "inactive", Card.CLOSED.value: "canceled"}
_KINDS = {"capture": Kind.CAPTURE, "refund": Kind.REFUND}


def cardholder_params(person: Person, *, key: str) -> CardholderCreateParams:
    """Returns the parameters of a new cardholder; raises RefusedError for a name without letters."""
    first, last, name = _names(person)
    params: CardholderCreateParams = {
        "type": "individual",
        "name": name,
        "email": person.email,
        "individual": _individual(person, first, last),
        "billing": {"address": _address(person.address)},
        "metadata": {KEY: key},
    }
    if person.phone:
        params["phone_number"] = person.phone
    return params


def cardholder_update_params(person: Person) -> CardholderUpdateParams:
    """Returns the parameters that correct a cardholder; raises RefusedError for a name without letters."""
    first, last, _name = _names(person)
    individual: Any = _individual(person, first, last)
    address: Any = _address(person.address)
    params: CardholderUpdateParams = {"email": person.email, "individual": individual, "billing": {"address": address}}
    if person.phone:
        params["phone_number"] = person.phone
    return params


def _names(person: Person) -> tuple[str, str, str]:
    """Returns the first, last and whole name as Stripe takes them."""
    first, last = clean_name(person.first_name), clean_name(person.last_name)
    name = clean_name(f"{first} {last}")
    if not name:
        raise RefusedError("A cardholder needs a name with letters in it.")
    return first or name, last or name, name


def _individual(person: Person, first: str, last: str) -> CardholderCreateParamsIndividual:
    individual: CardholderCreateParamsIndividual = {"first_name": first, "last_name": last}
    birth, terms = person.birth_date, person.terms
    if birth is not None:
        individual["dob"] = {"day": birth.day, "month": birth.month, "year": birth.year}
    if terms is not None:
        accepted = {"date": int(terms.accepted_at.timestamp()), "ip": terms.address}
        individual["card_issuing"] = {"user_terms_acceptance": accepted}  # type: ignore[typeddict-item]
    return individual


def clean_name(name: str) -> str:
    """Returns a name as Stripe takes it:

    24 characters at most, no digits or signs (docs/issuers/stripe.md, Cardholders).
    """
    letters = " ".join(_NO_LETTERS.sub(" ", clean_text(name, limit=200)).split())
    return letters.lstrip(" .'-")[:LONGEST_NAME].rstrip()


def limit_params(limits: Limits) -> list[LimitParams]:
    """Returns the whole list, since an update replaces the list that was there.

    Rounded down to what Stripe can count.
    """

    def theirs(minor: int) -> int:
        return to_stripe(rounded_for_stripe(Money(minor, limits.currency)))

    return [
        {"amount": theirs(limits.per_transaction_minor), "interval": "per_authorization"},
        {"amount": theirs(limits.daily_minor), "interval": "daily"},
        {"amount": theirs(limits.monthly_minor), "interval": "monthly"},
    ]


def status_to_stripe(status: str) -> str:
    """Stripe's word for a state that a card can be moved to; raises RefusedError for any other."""
    if status not in _TO_STRIPE:
        raise errors.illegal_move(status)
    return _TO_STRIPE[status]


def first_made_with(key: str, objects: Iterable[stripe.StripeObject]) -> dict[str, Any] | None:
    """Returns the object that an earlier call with this key made, if it made one."""
    listed = (each.to_dict() for each in objects)
    return next((each for each in listed if _mapping(each.get("metadata")).get(KEY) == key), None)


def read_id(stripe_object: Mapping[str, Any]) -> str:
    """Returns the id of an object; raises NetworkError for an answer without one."""
    found = clean_text(stripe_object.get("id"), limit=64)
    if not found:
        raise errors.no_answer()
    return found


def read_card(card: Mapping[str, Any]) -> IssuedCard:
    """Returns a card; raises NetworkError for an answer that is none."""
    try:
        return IssuedCard(
            issuer_card_id=read_id(card),
            status=_status(card),
            card_type=clean_text(card.get("brand"), limit=20).lower(),
            last_four=clean_text(card["last4"], limit=4),
            expiry_month=_whole(card["exp_month"]),
            expiry_year=_whole(card["exp_year"]),
            currency=str(card["currency"]).upper(),
            limits=_limits(
                _mapping(card.get("spending_controls")).get("spending_limits"), str(card["currency"]).upper()
            ),
            key=clean_text(_mapping(card.get("metadata")).get(KEY), limit=64),
        )
    except (LookupError, TypeError, ValueError, MoneyError):
        raise errors.no_answer() from None


def read_card_page(listed: Mapping[str, Any]) -> CardPage:
    """Returns a page of cards; raises NetworkError for an answer that is none: a card left out would look lost."""
    try:
        cards = tuple(read_card(row) for row in listed["data"])
        more = bool(listed["has_more"]) and cards
    except (LookupError, TypeError, AttributeError):
        raise errors.no_answer() from None
    return CardPage(cards, cursor=cards[-1].issuer_card_id if more else "")


def read_page(listed: Mapping[str, Any]) -> Page:
    """Returns a page of transactions; raises NetworkError for an answer that is no list.

    One that cannot be read holds up no other: all of this list move money, so it is named as unread.
    """
    rows, is_more = rows_of(listed, more="has_more")
    found, unread = read_each(rows, _transaction)
    return Page(found, cursor=read_id(rows[-1]) if is_more else "", unread=names_of(unread, key="id"))


def read_grant(key: Mapping[str, Any], *, now_s: float) -> RevealGrant:
    """Returns an ephemeral key; raises NetworkError for an answer without a secret."""
    secret, expires = key.get("secret"), key.get("expires")
    if not isinstance(secret, str) or not secret or not isinstance(expires, int):
        raise errors.no_answer()
    return RevealGrant("stripe_ephemeral_key", secret, expires_in_s=max(0, expires - int(now_s)))


def _address(address: Address) -> CardholderCreateParamsBillingAddress:
    params: CardholderCreateParamsBillingAddress = {
        "line1": address.line1,
        "city": address.city,
        "postal_code": address.postal_code,
        "country": address.country,
    }
    if address.state:
        params["state"] = address.state
    if address.line2:
        params["line2"] = address.line2
    return params


def _status(card: Mapping[str, Any]) -> str:
    match card["status"]:
        case "active":
            return Card.ACTIVE
        case "canceled":
            return Card.CLOSED
        case "inactive":
            # Without a mark of ours it was never activated by us.
            return Card.FROZEN if _mapping(card.get("metadata")).get(MARK) else Card.PENDING
    raise ValueError("a status that Stripe does not have")


def _limits(rows: Any, currency: str) -> Limits | None:
    """Returns our three windows; None when one is missing, or is for some categories only."""
    whole = [row for row in rows or () if not row.get("categories")]
    found = {row["interval"]: from_stripe(_whole(row["amount"]), currency).minor for row in whole}
    if not {"per_authorization", "daily", "monthly"} <= set(found):
        return None
    return Limits(found["per_authorization"], found["daily"], found["monthly"], currency)


def _transaction(row: Mapping[str, Any]) -> IssuerTransaction:
    merchant, currency = _mapping(row.get("merchant_data")), str(row["currency"]).upper()
    return IssuerTransaction(
        id=read_id(row),
        issuer_card_id=_id_of(row["card"]),
        authorization_id=_id_of(row.get("authorization")),
        kind=_KINDS.get(row["type"], Kind.OTHER),
        # Stripe counts what enters our balance: a capture is negative.
        amount_minor=-from_stripe(_whole(row["amount"]), currency).minor,
        currency=currency,
        merchant_name=free_text(merchant.get("name"), limit=200),
        mcc=clean_text(merchant.get("category_code"), limit=4),
        created_at=dt.datetime.fromtimestamp(_whole(row["created"]), dt.UTC),
        issuer_cardholder_id=_id_of(row.get("cardholder") or _mapping(row["card"]).get("cardholder")),
        **of_stripe(row, currency).columns(),
    )


def _whole(value: Any) -> int:
    """Returns a whole number, also where it is written as 1000.0; raises ValueError or TypeError for anything else."""
    found = exact_json.whole(Decimal(value)) if isinstance(value, Decimal | float) else int(value)
    if found is None:
        raise ValueError("This is no whole number.")
    return found


def _id_of(reference: Any) -> str:
    return clean_text(_mapping(reference).get("id") or reference, limit=64)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def read_transaction(row: Mapping[str, Any]) -> IssuerTransaction:
    """Returns one transaction, as an event holds it; raises NetworkError for what is none."""
    try:
        return _transaction(row)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, OSError, MoneyError):
        raise errors.no_answer() from None
