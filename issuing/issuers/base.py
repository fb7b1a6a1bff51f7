"""The interface of any issuer, in our own types. Nothing in Stripe's or Marqeta's form leaves its own package.

CONTRIBUTING.md says how an issuer is added.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from issuing.issuers.balances import BalanceThere, HoldPage
from issuing.issuers.disputes import DisputeOrder, IssuerDispute
from issuing.issuers.messages import Envelope
from issuing.issuers.registration import Doors, Registration, Repair, Repaired
from onecard.kit.errors import OneCardError


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; `country` is ISO 3166 alpha-2."""

    line1: str
    city: str
    state: str
    postal_code: str
    country: str
    line2: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """A person's acceptance of the card's terms: when, and from which address."""

    accepted_at: dt.datetime
    address: str


@dataclass(frozen=True, slots=True)
class Person:
    """The cardholder of a new card; `birth_date` and `terms` are None where nobody asked for them."""

    first_name: str
    last_name: str
    email: str
    address: Address
    phone: str = ""
    birth_date: dt.date | None = None
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """A card's limits, in minor units of its currency; the issuer defines each window."""

    per_transaction_minor: int
    daily_minor: int
    monthly_minor: int
    currency: str = field(default="USD", compare=False)


@dataclass(frozen=True, slots=True)
class CardOrder:
    """A virtual card to make for a cardholder known to the issuer; `currency` is an upper-case ISO 4217 code."""

    issuer_cardholder_id: str
    card_type: str
    currency: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """A card as the issuer reports it; `status` is a state of `issuing.states.Card`, `limits` None if not reported.

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
    """A part of the list of cards; `cursor` asks for the next part and is "" at the end. A page may be empty."""

    cards: tuple[IssuedCard, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class CardData:
    """The data printed on a card. Its repr shows nothing, and it cannot be pickled into a queue or a cache."""

    number: str = field(repr=False)
    cvv: str = field(repr=False)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Card data is never pickled.")


@dataclass(frozen=True, slots=True)
class IssuerTransaction:
    """One movement of an issuer's list; `amount_minor` is positive for money out and negative for money back."""

    id: str
    issuer_card_id: str
    authorization_id: str
    kind: str
    amount_minor: int
    currency: str
    merchant_name: str
    mcc: str
    created_at: dt.datetime
    # The side amounts (issuing/issuers/side_amounts.py), never negative.
    merchant_amount_minor: int | None = None
    merchant_currency: str = ""
    cash_minor: int = 0
    atm_fee_minor: int = 0
    issuer_cardholder_id: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `cursor` asks for the next part and is "" at the end.

    `unread` names unreadable rows that may have moved money: nobody may conclude that they are missing there.
    """

    transactions: tuple[IssuerTransaction, ...]
    cursor: str
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MissedEvent:
    """An event as our webhook would have stored it, with id, type, object and body; it happened at `created_at`.

    `earlier_ids` are other ids under which the same event may be stored already.
    """

    event_id: str
    event_type: str
    object_id: str
    created_at: dt.datetime
    body: bytes = field(repr=False)
    earlier_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventPage:
    """A part of the issuer's events, newest first; `cursor` asks for older ones and is "" at the end.

    `unread` names the unreadable ones.
    """

    events: tuple[MissedEvent, ...]
    cursor: str
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RevealGrant:
    """A short-lived permission with which the cardholder's own device fetches the number, so we never see it."""

    kind: str
    secret: str = field(repr=False)
    expires_in_s: int


class IssuerError(OneCardError):
    """The issuer did not do what was asked. The four subclasses say who has to act."""

    code = "issuer_error"


class NetworkError(IssuerError):
    """No answer, or an unclear one: it may have happened. Try again with the same key."""

    code = "issuer_unreachable"


class AuthenticationError(IssuerError):
    """The issuer refuses our credentials: administrators must act."""

    code = "issuer_authentication"


class RateLimitedError(IssuerError):
    """The issuer's rate limit was reached, and nothing was done. `retry_after_s` is the wait, if it is stated."""

    code = "issuer_rate_limited"

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RefusedError(IssuerError):
    """The issuer refused for good: trying again cannot help. The message may be shown to the cardholder."""

    code = "issuer_refused"


class Issuer(Protocol):
    """An issuer of virtual cards.

    Every method that changes something takes a `key` of at most 36 characters: the same key again is the same change,
    done once, however late and however often the issuer failed before. `asked_at` is when the change was asked for,
    since some issuers forget keys (None: just now). All raise the four errors above. They use the network and must not
    be called in a transaction.
    """

    provider: str
    # Whether limits belong to a card. Some issuers limit the person, by the card that was made or changed last.
    limits_each_card: bool
    # Whether purchases are paid from a balance of ours there, so that they are declined when it is empty.
    pays_from_balance: bool

    def create_cardholder(self, person: Person, *, key: str, asked_at: dt.datetime | None = None) -> str:
        """Creates the person at the issuer and returns the issuer's id."""

    def update_cardholder(
        self, issuer_cardholder_id: str, person: Person, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        """Tells the issuer of a corrected profile of somebody whom it knows."""

    def create_card(self, order: CardOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuedCard:
        """Makes an inactive virtual card."""

    def update_card_status(
        self, issuer_card_id: str, status: str, *, reason: str, key: str, asked_at: dt.datetime | None = None
    ) -> IssuedCard:
        """Moves a card to active, frozen or closed (states of `issuing.states.Card`)."""

    def set_spending_limits(
        self, issuer_card_id: str, limits: Limits, *, key: str, asked_at: dt.datetime | None = None
    ) -> None:
        """Replaces the limits that the issuer enforces, as far as it can."""

    def get_card_details(self, issuer_card_id: str) -> IssuedCard:
        """Returns the card in its present state."""

    def list_cards(self, *, cursor: str = "") -> CardPage:
        """Returns a page of all our cards at the issuer, in no promised order.

        `limits` may be None to save requests.
        """

    def get_transaction_history(self, issuer_card_id: str = "", *, since: dt.datetime, cursor: str = "") -> Page:
        """Returns a page of the card's transactions, newest first; without a card, of all our cards' transactions."""

    def list_events(self, *, since: dt.datetime, cursor: str = "") -> EventPage:
        """Returns a page of the events since then that the issuer sent, or would have sent, to our webhook.

        Authorization requests are left out: nobody waits for their answer any more.
        """

    def get_balances(self) -> tuple[BalanceThere, ...]:
        """Returns our balance that pays purchases, by currency."""

    def list_open_holds(self, *, cursor: str = "") -> HoldPage:
        """Returns a page of the authorizations that may hold money of that balance."""

    def get_card_data(self, issuer_card_id: str) -> CardData:
        """Returns the whole number and the code, for staff who may see them.

        The adapter neither logs nor keeps them.
        """

    def open_dispute(self, order: DisputeOrder, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        """Begins a dispute of a capture, or finds the one that an earlier call with this key began."""

    def submit_dispute(self, issuer_dispute_id: str, *, key: str, asked_at: dt.datetime | None = None) -> IssuerDispute:
        """Hands a dispute to the card network; one that is handed over already stays as it is."""

    def reveal(self, issuer_card_id: str, *, nonce: str) -> RevealGrant:
        """Returns a grant for the cardholder's own device.

        `nonce` is from the issuer's script there, if it needs one.
        """

    def read_registration(self, doors: Doors, *, renew: bool = False) -> Registration:
        """Returns how we are registered there, and the repairs that are needed.

        `renew` adds those that set our passwords again, which an issuer does not show.
        """

    def repair_registration(self, repair: Repair) -> Repaired:
        """Carries out one repair of `read_registration`; it needs no key, since done twice it is done once."""


def missed(envelope: Envelope, body: bytes, created_at: dt.datetime) -> MissedEvent:
    """Returns an envelope's event as a list of past events contains it."""
    return MissedEvent(envelope.id, envelope.type, envelope.object_id, created_at, body)
