"""What issuers tell us and ask us, in our own words: parsers of every issuer make these, and nothing else goes inward.

Amounts are minor units of their currency, as ISO 4217 counts them.
"""

import datetime as dt
import hashlib
import uuid
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from issuing.issuers import fingerprints
from onecard.kit.errors import OneCardError
from onecard.kit.masked_body import masked_body


class MalformedEventError(OneCardError):
    """A genuine delivery that does not say what an event of its kind must say."""

    code = "malformed_event"


@dataclass(frozen=True, slots=True)
class Origin:
    """The mode, the account ("" for our own) and the API version; a mode of None is not said."""

    livemode: bool | None = None
    account: str = ""
    api_version: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every event carries: its id, its kind, and the object that it is about; `reported_at` where it says when.

    `says` is what the event's id stands for, in JSON values; None where that is not known.
    """

    id: str
    type: str
    object_id: str
    content: dict[str, Any]
    reported_at: dt.datetime | None = None
    says: Any = None
    origin: Origin = Origin()

    def fingerprint(self) -> str:
        """The hash of what the event says; "" where that is not known."""
        return "" if self.says is None else fingerprints.of(self.says)


@dataclass(frozen=True, slots=True)
class Merchant:
    """Where the purchase happens, as far as the issuer says; `country` is ISO 3166-1 alpha-2 where it is one."""

    mcc: str
    name: str
    category: str
    city: str
    country: str
    network_id: str
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideAmounts:
    """Minor units, never negative. `merchant_amount_minor` is None where it is in the same currency, or not said.

    Cash and the machine's fee are parts of the amount that they stand beside, in its currency.
    """

    merchant_amount_minor: int | None = None
    merchant_currency: str = ""
    cash_minor: int = 0
    atm_fee_minor: int = 0

    def columns(self) -> dict[str, Any]:
        """As our rows and the committing statement name them."""
        return asdict(self)

    def said(self) -> dict[str, Any]:
        """The columns that say something."""
        return {name: value for name, value in self.columns().items() if value}


NOTHING = SideAmounts()


class AnswerFormat(Protocol):
    """How one issuer wants to be answered."""

    def answer(self, decision_id: uuid.UUID, reason: str) -> str:
        """Approves when there is no reason not to, and names the decision, so that both sides' records meet."""

    def bare_decline(self, reason: str) -> bytes:
        """A decline that no stored decision stands behind."""

    def repeat(self, response: bytes) -> bytes:
        """The stored answer of a round, for another event that asks the very same."""

    def is_approval(self, response: bytes) -> bool:
        """Says whether these bytes, written by `answer` or `bare_decline`, approve."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A question: may this card spend `amount_minor` more? `round_key` tells a new round from a twin of an old one.

    `answers` writes what its issuer understands; `refused_because` is a reason that lies in the question itself, or "".
    `fingerprint` is the hash of what is asked, whatever the event's id. `cardholders` are the issuer's ids of whom it
    names beside the card. An increment `follows`: then `standing_minor`
    is what its issuer says was approved before (None: it does not say how much), and `earlier_events` or
    `earlier_rounds` name the rounds before it, by event id or by round key.
    """

    provider: str
    event_id: str
    event_type: str
    authorization_id: str
    issuer_card_id: str
    amount_minor: int
    currency: str
    merchant: Merchant
    round_key: str
    answers: AnswerFormat
    refused_because: str = ""
    beside: SideAmounts = NOTHING
    fingerprint: str = ""
    follows: bool = False
    standing_minor: int | None = 0
    earlier_events: tuple[str, ...] = ()
    earlier_rounds: tuple[str, ...] = ()
    cardholders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclinedRound:
    """A round that the issuer declined: how many came before it, and what it asked for where that is said."""

    number: int
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class AuthorizationUpdate:
    """What the issuer says of an authorization after the fact: its outcome, where it stands and its amount.

    `status` is one of states.Authorization, or "" when unknown. `asked_us` says that the outcome went through our
    webhook, whatever we answered or failed to.
    """

    provider: str
    authorization_id: str
    issuer_card_id: str
    ever_approved: bool
    asked_us: bool
    status: str
    amount_minor: int
    currency: str
    merchant: Merchant
    authorization_code: str
    # How many of our approvals the news knows of: older news must not be taken for a partial reversal.
    approved_rounds: int = 0
    declined_rounds: tuple[DeclinedRound, ...] = ()
    beside: SideAmounts = NOTHING
    issuer_cardholder_id: str = ""


def round_prefix(rounds_before: int) -> str:
    """How the key of a round begins that so many came before: what was asked then stands there in the history."""
    return f"{rounds_before}:"


def body_id(body: bytes) -> str:
    """What a delivery without an id of its own goes by; a hash over a card's number would give the number away."""
    return f"sha256:{hashlib.sha256(masked_body(body)).hexdigest()}"
