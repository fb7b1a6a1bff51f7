"""Marqeta's objects and bodies, to and from our own words; pure."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from issuing.issuers import errors
from issuing.issuers.base import IssuedCard, IssuerTransaction, Limits, Page, Person
from issuing.issuers.marqeta.message_types import (
    CLEARINGS,
    EXPIRIES,
    FIRST_MESSAGES,
    INCREMENTS,
    REFUND_CLEARING,
    REFUNDS,
    RELEASES,
    TAKES_AT_ONCE,
)
from issuing.issuers.marqeta.timestamps import happened_at
from issuing.issuers.pages import names_of, read_each, rows_of
from issuing.issuers.side_amounts import of_marqeta
from issuing.issuers.transaction_kinds import Kind
from issuing.states import Card
from onecard.kit.money import Money
from onecard.kit.text import clean_text, free_text

Json = dict[str, Any]

LONGEST_TOKEN = 36
_STATES = {
    "UNACTIVATED": Card.PENDING,
    "ACTIVE": Card.ACTIVE,
    "SUSPENDED": Card.FROZEN,
    # Neither is a word of ours: the program has restricted the card.
    "LIMITED": Card.SUSPENDED,
    "UNSUPPORTED": Card.SUSPENDED,
    "TERMINATED": Card.CLOSED,
}
_TO_MARQETA = {Card.ACTIVE.value: "ACTIVE", Card.FROZEN.value: "SUSPENDED", Card.CLOSED.value: "TERMINATED"}
# First digit of a number -> network; a card itself does not say.
_NETWORKS = {"4": "visa", "5": "mastercard", "2": "mastercard", "6": "discover", "3": "amex"}
# Our windows as Marqeta's, each under a token that follows from the user.
_WINDOWS = {"per_transaction_minor": "TRANSACTION", "daily_minor": "DAY", "monthly_minor": "MONTH"}
_HOLDS = FIRST_MESSAGES - TAKES_AT_ONCE
_CAPTURES = CLEARINGS | TAKES_AT_ONCE


def user_body(person: Person, *, key: str) -> Json:
    """Returns a new user; the key is their token."""
    return {"token": key, **{name: value for name, value in _profile(person).items() if value}}


def user_update_body(person: Person) -> Json:
    """Returns a user's corrected profile; a second line that is gone is emptied there, too."""
    profile = _profile(person)
    return {name: value for name, value in profile.items() if value or name == "address2"}


def _profile(person: Person) -> dict[str, str]:
    address = person.address
    return {
        "first_name": clean_text(person.first_name, limit=40),
        "last_name": clean_text(person.last_name, limit=40),
        "email": clean_text(person.email, limit=255),
        "phone": clean_text(person.phone, limit=255),
        "address1": clean_text(address.line1, limit=255),
        "address2": clean_text(address.line2, limit=255),
        "birth_date": person.birth_date.isoformat() if person.birth_date else "",
        "city": clean_text(address.city, limit=40),
        "state": clean_text(address.state, limit=2),
        "postal_code": clean_text(address.postal_code, limit=10),
        "country": clean_text(address.country, limit=40),
    }


def activation_body(user_token: str, *, key: str) -> Json:
    """Returns the move that lets a user's cards be used; "18" says that they were validated."""
    return {"token": key, "user_token": user_token, "status": "ACTIVE", "reason_code": "18", "channel": "API"}


def transition_body(card: IssuedCard, status: str, *, reason: str, key: str) -> Json:
    """Returns a move of a card; raises RefusedError for a state that none can be moved to."""
    if status not in _TO_MARQETA:
        raise errors.illegal_move(status)
    body = {
        "token": key,
        "card_token": card.issuer_card_id,
        "state": _TO_MARQETA[status],
        "channel": "API",
        "reason_code": _reason_code(card.status, status),
    }
    return body | ({"reason": clean_text(reason, limit=255)} if reason else {})


def control_bodies(user_token: str, limits: Limits, *, currency: str) -> list[Json]:
    """Returns the velocity controls of a user.

    The window TRANSACTION takes no usage limit, and the others need none.
    """
    return [
        {
            "token": _control_token(user_token, window),
            "name": f"One Card {window.lower()}",
            "association": {"user_token": user_token},
            "amount_limit": Money(getattr(limits, name), currency).major,
            "currency_code": currency,
            "velocity_window": window,
            "active": True,
        }
        for name, window in _WINDOWS.items()
    ]


def read_limits(user_token: str, controls: Iterable[Mapping[str, Any]], *, currency: str) -> Limits | None:
    """Returns our three controls among a user's; None when one is missing or switched off."""
    amounts = {control.get("token"): control.get("amount_limit") for control in controls if control.get("active")}
    found = {name: amounts.get(_control_token(user_token, window)) for name, window in _WINDOWS.items()}
    if None in found.values():
        return None
    minor = {name: _minor(amount, currency) for name, amount in found.items()}
    windows = (minor["per_transaction_minor"], minor["daily_minor"], minor["monthly_minor"])
    return Limits(*windows, currency=currency)


def read_state(word: str) -> str:
    """Returns our word for a state of Marqeta's cards; "" for one that is new to us."""
    known = _STATES.get(word)
    return known.value if known else ""


def read_card(card: Mapping[str, Any], *, currency: str, limits: Limits | None = None) -> IssuedCard:
    """Returns a card; raises NetworkError for an answer that is none."""
    try:
        expiry = dt.datetime.strptime(card["expiration"], "%m%y").replace(tzinfo=dt.UTC)
        return IssuedCard(
            issuer_card_id=read_token(card),
            status=_STATES[card["state"]].value,
            card_type=_NETWORKS.get(clean_text(card.get("pan"), limit=1), ""),
            last_four=clean_text(card["last_four"], limit=4),
            expiry_month=expiry.month,
            expiry_year=expiry.year,
            currency=currency,
            limits=limits,
            # The token of a card is the key that made it.
            key=read_token(card),
        )
    except (LookupError, TypeError, ValueError):
        raise errors.no_answer() from None


def read_rows(listed: Mapping[str, Any]) -> tuple[list[Json], bool]:
    """Returns the rows of a list, and whether more follow; raises NetworkError for an answer that is none."""
    return rows_of(listed, more="is_more")


def read_page(listed: Mapping[str, Any], *, start: int) -> Page:
    """Returns a page of transactions without the account's own entries; raises NetworkError for no list.

    One row that cannot be read holds up no other: it is named as unread if it may be of money, else it is left out.
    """
    rows, is_more = read_rows(listed)
    # `gpa.…` are twins of the merchant's messages: counting both doubles the money
    # (docs/issuers/marqeta.md, Transaction types).
    mine = (row for row in rows if not str(row.get("type")).startswith("gpa."))
    found, odd = read_each(mine, _transaction)
    unread = names_of(filter(_may_be_money, odd), key="token")
    return Page(found, cursor=str(start + len(rows)) if is_more else "", unread=unread)


def read_token(marqeta_object: Mapping[str, Any]) -> str:
    """Returns the token of an object; raises NetworkError for an answer without one."""
    token = clean_text(marqeta_object.get("token"), limit=LONGEST_TOKEN)
    if not token:
        raise errors.no_answer()
    return token


def _reason_code(before: str, after: str) -> str:
    if after == Card.FROZEN:
        return "13"  # Temporary hold.
    if after == Card.CLOSED:
        return "01"  # Requested by you.
    return "00" if before == Card.PENDING else "19"  # First activation, or validated again.


def _control_token(user_token: str, window: str) -> str:
    digest = hashlib.sha256(user_token.encode()).hexdigest()
    return f"{window.lower()}-{digest}"[:LONGEST_TOKEN]


def _transaction(row: Mapping[str, Any]) -> IssuerTransaction:
    kind, currency = _kind(row), row["currency_code"]
    merchant = row.get("card_acceptor") or {}
    order = row.get("gpa_order") or row.get("gpa_order_unload") or {}
    # An advice has the new total as its `amount`; only the order says what was released
    # (docs/issuers/marqeta.md, Amounts by type).
    amount = order["amount"] if kind == Kind.RELEASE and "amount" in order else row["amount"]
    sign = -1 if kind in (Kind.RELEASE, Kind.REFUND) else 1
    moment = happened_at(row)
    if moment is None:
        raise ValueError("The row has no time that can be read.")
    return IssuerTransaction(
        id=read_token(row),
        issuer_card_id=clean_text(row["card_token"], limit=LONGEST_TOKEN),
        authorization_id=_authorization_id(row, kind),
        kind=kind.value,
        amount_minor=sign * _minor(amount, currency),
        currency=currency,
        merchant_name=free_text(merchant.get("name"), limit=200),
        mcc=clean_text(merchant.get("mcc"), limit=4),
        created_at=moment,
        issuer_cardholder_id=clean_text(row.get("user_token"), limit=LONGEST_TOKEN),
        **of_marqeta(row, currency).columns(),
    )


def _may_be_money(row: Mapping[str, Any]) -> bool:
    """Returns whether a row may move money: one that states no type may."""
    try:
        return _kind(row) in (Kind.CAPTURE, Kind.REFUND)
    except (LookupError, TypeError):
        return True


def _kind(row: Mapping[str, Any]) -> Kind:
    name, state = row["type"], row["state"]
    if not (isinstance(name, str) and isinstance(state, str)):
        raise TypeError("A row's type or state is no text.")
    if state in ("DECLINED", "ERROR"):
        return Kind.DECLINED
    if state == "PENDING" and name in _CAPTURES | REFUNDS:
        # Its money has not moved. The webhook keeps such a message and books nothing either.
        return Kind.OTHER
    if name in _HOLDS:
        return Kind.AUTHORIZATION
    if name in INCREMENTS:
        return Kind.INCREMENT
    if name in RELEASES | EXPIRIES:
        return Kind.RELEASE
    if name in _CAPTURES:
        return Kind.CAPTURE
    return Kind.REFUND if name in REFUNDS else Kind.OTHER


def _authorization_id(row: Mapping[str, Any], kind: Kind) -> str:
    if row["type"] == REFUND_CLEARING:
        return ""
    preceding = clean_text(row.get("preceding_related_transaction_token"), limit=LONGEST_TOKEN)
    begins = kind == Kind.AUTHORIZATION or (kind == Kind.DECLINED and row["type"] in _HOLDS)
    return preceding or (read_token(row) if begins else "")


def _minor(amount: Any, currency: str) -> int:
    return Money.read(str(amount), currency).minor
