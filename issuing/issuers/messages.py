"""The neutral types of issuers' messages: every issuer's parser makes these, and nothing else goes further inward.

Amounts are minor units of their currency, as ISO 4217 counts them.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from issuing.issuers import fingerprints
from onecard.kit.errors import OneCardError
from onecard.kit.masked_body import masked_body


class MalformedEventError(OneCardError):
    """A genuine delivery lacks what an event of its kind must have."""

    code = "malformed_event"


class Origin(msgspec.Struct, frozen=True):
    """The mode, the account ("" for our own) and the API version; a mode of None is not stated."""

    livemode: bool | None = None
    account: str = ""
    api_version: str = ""


class Envelope(msgspec.Struct, frozen=True):
    """The parts of every event: its id, its kind, its object, and `reported_at` where it is stated.

    `says` is the content that the event's id is bound to, in JSON values; None where that is not known. `is_clean` says
    that a look at the body has shown that it holds no card data; it is false where nobody looked.
    """

    id: str
    type: str
    object_id: str
    content: dict[str, Any]
    reported_at: dt.datetime | None = None
    says: Any = None
    origin: Origin = Origin()
    is_clean: bool = False

    def fingerprint(self) -> str:
        """Returns the hash of the event's content; "" where that is not known."""
        return "" if self.says is None else fingerprints.of(self.says, is_clean=self.is_clean)


class Merchant(msgspec.Struct, frozen=True):
    """Where the purchase happens, as far as the issuer reports it; `country` is ISO 3166-1 alpha-2 where it is one."""

    mcc: str
    name: str
    category: str
    city: str
    country: str
    network_id: str
    state: str = ""
    postal_code: str = ""


class SideAmounts(msgspec.Struct, frozen=True, kw_only=True):
    """Minor units, never negative. `merchant_amount_minor` is None if it is in the same currency, or not stated.

    Cash and the machine's fee are parts of the main amount, in its currency.
    """

    merchant_amount_minor: int | None = None
    merchant_currency: str = ""
    cash_minor: int = 0
    atm_fee_minor: int = 0

    def columns(self) -> dict[str, Any]:
        """Returns the columns under the names of our rows and of the committing statement."""
        # Not by dataclasses.asdict, which is slow, and every decision comes here.
        return {name: getattr(self, name) for name in self.__struct_fields__}

    def said(self) -> dict[str, Any]:
        """Returns the columns that have a value."""
        return {name: value for name, value in self.columns().items() if value}


NOTHING = SideAmounts()


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """What the issuer adds about how the purchase is made, in words that are the same for every issuer; None: not said.

    `entry_mode` is chip, contactless, swipe, keyed or online; `channel` is present or not_present. `cvc`, `expiry` and
    `address` are match, mismatch or not_provided; `three_d_secure` is authenticated, attempted, failed or required.
    `wallet` is apple_pay, google_pay, samsung_pay or other. Risk scores run from 0 to 99, or 999 for an issuer's own.
    """

    entry_mode: str | None = None
    channel: str | None = None
    cvc: str | None = None
    expiry: str | None = None
    address: str | None = None
    three_d_secure: str | None = None
    wallet: str | None = None
    network_risk: int | None = None
    issuer_risk: int | None = None
    is_amount_controllable: bool = False


NO_SIGNALS = Signals()


class AnswerFormat(Protocol):
    """The format in which one issuer expects its answer."""

    def answer(self, decision_id: str, reason: str) -> str:
        """Approves when the reason is empty, and names the decision, so that both sides' records can be matched."""

    def approve_part(self, decision_id: str, part: int | str) -> str:
        """Approves a part, in minor units; only for a request whose signals say that its amount is controllable."""

    def approve_by_stand_in(self, decision_id: str) -> str:
        """Approves without the database, and says that (docs/decisions/0056)."""

    def bare_decline(self, reason: str) -> bytes:
        """Returns a decline without a stored decision."""

    def repeat(self, response: bytes) -> bytes:
        """Returns the stored answer of a round, for another event that asks the same."""

    def is_approval(self, response: bytes) -> bool:
        """Returns whether these bytes, written by `answer` or `bare_decline`, approve."""


class AuthorizationRequest(msgspec.Struct, frozen=True):
    """An authorization request: may this card spend `amount_minor` more?

    `round_key` is equal in two requests for one round. `answers` writes the issuer's answer format.
    `refused_because` is a reason that lies in the request itself, or "". `fingerprint` is the hash of the request,
    whatever the event's id. `cardholders` are the issuer's ids of cardholders that it names besides the card. An
    increment `follows`: then `approved_before_minor` is the amount that the issuer says was approved before (None: not
    stated), and `earlier_events` or `earlier_rounds` name the rounds before it, by event id or by round key. `is_cash`
    is true where the issuer's message says that it is cash, whatever the MCC. `is_clean` is that of its envelope.
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
    approved_before_minor: int | None = 0
    earlier_events: tuple[str, ...] = ()
    earlier_rounds: tuple[str, ...] = ()
    cardholders: tuple[str, ...] = ()
    is_cash: bool = False
    signals: Signals = NO_SIGNALS
    is_clean: bool = False


@dataclass(frozen=True, slots=True)
class DeclinedRound:
    """A round that the issuer declined: how many came before it, and its amount where that is stated."""

    number: int
    amount_minor: int | None


@dataclass(frozen=True, slots=True)
class AuthorizationUpdate:
    """What the issuer reports of an authorization: its outcome, its status and its amount.

    `status` is one of states.Authorization, or "" when unknown. `asked_us` is true when the outcome went through our
    webhook, whatever we answered. Of a decline, `declined_minor` is what was asked for, `declined_because` the issuer's
    word for why, and `declined_message` its sentence. `answer_failed` is one of states.AnswerFailure when the issuer
    got no answer of ours that it could use, with its own words in `answer_message`. `our_reason` is the reason that our
    last answer gave, where the issuer repeats it. `stood_in` is one of states.StoodIn when the issuer or the network
    approved in our place.
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
    # The number of our approvals that the update includes: an older update must not be taken for a partial reversal.
    approved_rounds: int = 0
    declined_rounds: tuple[DeclinedRound, ...] = ()
    beside: SideAmounts = NOTHING
    issuer_cardholder_id: str = ""
    declined_minor: int = 0
    declined_because: str = ""
    declined_message: str = ""
    answer_failed: str = ""
    answer_message: str = ""
    our_reason: str = ""
    stood_in: str = ""


def round_prefix(rounds_before: int) -> str:
    """Returns the prefix of the key of the round at this position: the request then is in the history."""
    return f"{rounds_before}:"


def body_id(body: bytes) -> str:
    """Returns the name of a delivery without an id of its own; a hash over a card's number would reveal the number."""
    return f"sha256:{hashlib.sha256(masked_body(body)).hexdigest()}"
