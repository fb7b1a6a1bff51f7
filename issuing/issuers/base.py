"""What we ask of any issuer, in our own words; nothing Stripe- or Marqeta-shaped passes inward from its module.

CONTRIBUTING.md says how an issuer is added.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from issuing.issuers.messages import Envelope
from onecard.kit.errors import OneCardError


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; `country` is ISO 3166 alpha-2."""

    line1: str
    city: str
    state: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who will carry the card."""

    first_name: str
    last_name: str
    email: str
    address: Address
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a card may spend, in minor units of its currency; each window is the issuer's own."""

    per_transaction_minor: int
    daily_minor: int
    monthly_minor: int
    currency: str = field(default="USD", compare=False)


@dataclass(frozen=True, slots=True)
class CardOrder:
    """A virtual card to make for a cardholder that the issuer knows; `currency` is an upper-case ISO 4217 code."""

    issuer_cardholder_id: str
    card_type: str
    currency: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """A card as the issuer has it; `status` is a state of `issuing.states.Card`, `limits` None when it does not say.

    `key` is the key that the card was made with, or "" for a card that was not made through `create_card`.
    """

    issuer_card_id: str
    status: str
    card_type: str
    last_four: str
    expiry_month: int
    expiry_year: int
    currency: str
    limits: Limits | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class CardPage:
    """A stretch of the list of cards; `cursor` asks for the next one and is "" at the end. A page may be empty."""

    cards: tuple[IssuedCard, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class CardData:
    """What is printed on a card; its repr shows nothing, and it cannot be pickled into a queue or a cache."""

    number: str = field(repr=False)
    cvv: str = field(repr=False)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Card data is never pickled.")


@dataclass(frozen=True, slots=True)
class IssuerTransaction:
    """One movement as the issuer lists it; `amount_minor` is positive for money out and negative for money back."""

    id: str
    issuer_card_id: str
    authorization_id: str
    kind: str
    amount_minor: int
    currency: str
    merchant_name: str
    mcc: str
    created_at: dt.datetime
    # What is said beside the amount (issuing/issuers/side_amounts.py), never negative.
    merchant_amount_minor: int | None = None
    merchant_currency: str = ""
    cash_minor: int = 0
    atm_fee_minor: int = 0
    issuer_cardholder_id: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list; `cursor` asks for the next one and is "" at the end.

    `unread` names what may have moved money and cannot be read: of these nobody may say that they are missing there.
    """

    transactions: tuple[IssuerTransaction, ...]
    cursor: str
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MissedEvent:
    """An event as our webhook would have stored it, with its id, type, object and body; it happened at `created_at`.

    `earlier_ids` are the ids under which the same news may have been stored before.
    """

    event_id: str
    event_type: str
    object_id: str
    created_at: dt.datetime
    body: bytes = field(repr=False)
    earlier_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventPage:
    """A stretch of the issuer's events, newest first; `cursor` asks for older ones and is "" at the end.

    `unread` names those that cannot be read.
    """

    events: tuple[MissedEvent, ...]
    cursor: str
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RevealGrant:
    """A short-lived permission with which the cardholder's own device fetches the number, so that we never see it."""

    kind: str
    secret: str = field(repr=False)
    expires_in_s: int


class IssuerError(OneCardError):
    """The issuer did not do what was asked. The four kinds below say whose turn it is to act."""

    code = "issuer_error"


class NetworkError(IssuerError):
    """No answer, or one that tells nothing: it may have happened. Try again with the same key."""

    code = "issuer_unreachable"


class AuthenticationError(IssuerError):
    """The issuer does not accept our credentials: administrators must act."""

    code = "issuer_authentication"


class RateLimitedError(IssuerError):
    """The issuer wants us to slow down; nothing was done. `retry_after_s` is its wish, if it has one."""

    code = "issuer_rate_limited"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RefusedError(IssuerError):
    """The issuer understood and said no: asking again cannot help. The message is fit for the cardholder's eyes."""

    code = "issuer_refused"


class Issuer(Protocol):
    """An issuer of virtual cards.

    Every method that changes something takes a `key`, 36 characters at most: the same key again is the same change,
    done once. All raise the four errors above. They go over the network and must not be called in a transaction.
    """

    provider: str
    # Whether limits are set for each card; some issuers limit the person, by the card that was made or changed last.
    limits_each_card: bool

    def create_cardholder(self, person: Person, *, key: str) -> str:
        """Makes the person known to the issuer and gives the issuer's id."""

    def create_card(self, order: CardOrder, *, key: str) -> IssuedCard:
        """Makes an inactive virtual card."""

    def update_card_status(self, issuer_card_id: str, status: str, *, reason: str, key: str) -> IssuedCard:
        """Moves a card to active, frozen or closed (states of `issuing.states.Card`)."""

    def set_spending_limits(self, issuer_card_id: str, limits: Limits, *, key: str) -> None:
        """Replaces the limits that the issuer itself enforces, as far as it can."""

    def get_card_details(self, issuer_card_id: str) -> IssuedCard:
        """The card as it stands."""

    def list_cards(self, *, cursor: str = "") -> CardPage:
        """A page of all our cards at the issuer, in no promised order; `limits` may be None to save requests."""

    def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
        """A page of the card's transactions, oldest last; without a card, of those of all our cards."""

    def list_events(self, *, since: dt.datetime, cursor: str = "") -> EventPage:
        """A page of what the issuer told our webhook since then, or would have told it, had it arrived.

        Questions that waited for an answer of ours are left out: nobody waits for it any more.
        """

    def get_card_data(self, issuer_card_id: str) -> CardData:
        """The whole number and the code, for staff who may see them; never logged, never kept by the adapter."""

    def reveal(self, issuer_card_id: str, *, nonce: str) -> RevealGrant:
        """A grant for the cardholder's own device; `nonce` is what the issuer's script made there, if it needs one."""


def missed(envelope: Envelope, body: bytes, created_at: dt.datetime) -> MissedEvent:
    """The event of an envelope as a list of past events gives it."""
    return MissedEvent(envelope.id, envelope.type, envelope.object_id, created_at, body)
