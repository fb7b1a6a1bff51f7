"""Stripe's JSON turned into frozen values, read defensively: the shape follows the account's API version, not ours.

Nothing Stripe-shaped passes inward from here. A field that a decision needs and that is missing or odd raises
MalformedEventError with a sentence that names it; everything else degrades to "".
"""

from collections.abc import Callable
from typing import Any, TypeVar

from issuing import states
from issuing.issuers import fingerprints
from issuing.issuers.messages import (
    AuthorizationRequest,
    AuthorizationUpdate,
    DeclinedRound,
    Envelope,
    MalformedEventError,
    Merchant,
    round_prefix,
)
from issuing.issuers.side_amounts import of_stripe
from issuing.issuers.stripe import origin as event_origin
from issuing.issuers.stripe import request_history, signals
from issuing.issuers.stripe.amounts import amount_in, currency_in, in_our_units
from issuing.issuers.stripe.answers import STRIPE
from onecard.kit import exact_json
from onecard.kit.card_data_scan import holds_no_card_data
from onecard.kit.countries import alpha_2
from onecard.kit.text import clean_text, free_text

T = TypeVar("T")

REQUEST = "issuing_authorization.request"
ID_LIMIT = 120
# Stripe's words for the status, once the outcome itself is known.
STATUS = {
    "pending": states.Authorization.APPROVED,
    "closed": states.Authorization.SETTLED,
    "reversed": states.Authorization.REVERSED,
    "expired": states.Authorization.EXPIRED,
}
# Reasons of a round in which Stripe had no answer of ours that it could use (docs/issuers/stripe.md, Real-time
# authorizations).
NO_ANSWER = {"webhook_timeout": states.AnswerFailure.TIMEOUT, "webhook_error": states.AnswerFailure.ERROR}
# Reasons of an approved round that say who approved it in our place.
STOOD_IN = dict.fromkeys(NO_ANSWER, states.StoodIn.ISSUER) | {"network_fallback": states.StoodIn.NETWORK}


def parse_envelope(body: bytes) -> Envelope:
    """Raises MalformedEventError unless the body is a JSON object with an id, a type and data.object."""
    event = _loaded(body, points=False)
    if not isinstance(event, dict):
        raise MalformedEventError("The body is JSON but not an object.")
    event_id, kind = clean_text(event.get("id"), limit=ID_LIMIT), clean_text(event.get("type"), limit=ID_LIMIT)
    if not event_id or not kind:
        raise MalformedEventError("The event has no id or no type.")
    if kind != REQUEST:
        # A report with 45.0 is read as far as possible. A request with 45.0 may mean dollars, so it is declined.
        event = _loaded(body, points=True)
    data = event.get("data")
    content = data.get("object") if isinstance(data, dict) else None
    if not isinstance(content, dict):
        content = {}
    origin = event_origin.read(event)
    return Envelope(
        event_id,
        kind,
        clean_text(content.get("id"), limit=ID_LIMIT),
        content,
        event_origin.reported_at(event),
        # Mode and account are part of it: an event of test mode must not be taken for a copy of a live one.
        says=[kind, content, origin.livemode, origin.account],
        origin=origin,
        is_clean=kind == REQUEST and holds_no_card_data(body),
    )


def _loaded(body: bytes, *, points: bool) -> Any:
    try:
        return exact_json.loads_whole(body, points=points)
    except ValueError:
        raise MalformedEventError("The body is not JSON.") from None


def parse_authorization_request(provider: str, envelope: Envelope) -> AuthorizationRequest:
    """Returns the request in an `issuing_authorization.request`; raises MalformedEventError if it cannot be decided.

    The money asked for is in `pending_request`, for an increment the additional amount only; the object's id is the
    same in every round (docs/issuers/stripe.md, Real-time authorizations).
    """
    content = envelope.content
    pending = content.get("pending_request")
    if not isinstance(pending, dict):
        raise MalformedEventError("pending_request is missing, so no amount is asked for.")
    asked = amount_in(pending, "pending_request.amount")
    currency = currency_in(pending.get("currency") or content.get("currency"))
    amount = in_our_units(asked, currency, "pending_request.amount")
    _check_cash(pending, currency)
    history = request_history.entries(content)
    before = content["amount"] if type(content.get("amount")) is int else ""
    merchant, beside = read_merchant(content, needs_mcc=True), of_stripe(pending, currency)
    approved_before = request_history.approved_before_minor(content)
    approved_before = None if approved_before is None else in_our_units(approved_before, currency, "amount")
    purchase, card = _required(content, "id"), _card_id(content)
    whose = (envelope.origin.livemode, envelope.origin.account)
    merchant_said, people = [merchant.mcc, merchant.network_id], _people(content)
    # Stripe sometimes makes two events of one change. Only the authorization's state shows whether a round is new.
    round_key = f"{round_prefix(len(history))}{before}:{asked}"
    return AuthorizationRequest(
        provider=provider,
        event_id=envelope.id,
        event_type=envelope.type,
        authorization_id=purchase,
        issuer_card_id=card,
        amount_minor=amount,
        currency=currency,
        merchant=merchant,
        round_key=round_key,
        answers=STRIPE,
        beside=beside,
        fingerprint=fingerprints.of(
            [purchase, card, round_key, currency, *merchant_said, beside.cash_minor, *whose, people],
            is_clean=envelope.is_clean,
        ),
        cardholders=people,
        follows=bool(history) or approved_before != 0 or content.get("approved") is True,
        approved_before_minor=approved_before,
        signals=signals.of_stripe(content, pending, currency),
        is_clean=envelope.is_clean,
    )


def parse_authorization_update(provider: str, envelope: Envelope) -> AuthorizationUpdate:
    """Returns the facts in an `issuing_authorization.created` or `.updated`; raises MalformedEventError without an id.

    Everything else may be missing or odd: the end of a purchase must not be lost for a field that it does not need.
    """
    content = envelope.content
    history = request_history.entries(content)
    approved = [entry for entry in history if entry.get("approved") is True]
    declined: dict[str, Any] = next((entry for entry in reversed(history) if entry.get("approved") is False), {})
    without_us = [entry for entry in history if str(entry.get("reason")) in NO_ANSWER]
    unanswered: dict[str, Any] = without_us[-1] if without_us else {}
    stood_in = [STOOD_IN[str(entry.get("reason"))] for entry in approved if str(entry.get("reason")) in STOOD_IN]
    currency = _or_nothing(currency_in, content.get("currency")) or ""
    return AuthorizationUpdate(
        provider=provider,
        authorization_id=_required(content, "id"),
        issuer_card_id=_or_nothing(_card_id, content) or "",
        # A declined increment may say false on top of an approval that stands
        # (docs/issuers/stripe.md, Incremental authorizations).
        ever_approved=content.get("approved") is True or bool(approved),
        asked_us=any(str(entry.get("reason", "")).startswith("webhook_") for entry in history),
        status=STATUS.get(clean_text(content.get("status"), limit=20), ""),
        amount_minor=_stated_amount(content, currency) or 0,
        currency=currency,
        merchant=read_merchant(content, needs_mcc=False),
        # A declined round may carry a code as well; the merchant can settle with that of an approval only.
        authorization_code=free_text(approved[-1].get("authorization_code"), limit=20) if approved else "",
        approved_rounds=len(approved),
        declined_rounds=tuple(
            DeclinedRound(number, _stated_amount(entry, currency))
            for number, entry in enumerate(history)
            if entry.get("approved") is False
        ),
        beside=of_stripe(content, currency),
        issuer_cardholder_id=next(iter(_people(content)), ""),
        # A declined authorization itself may say 0: only its history says what was asked for.
        declined_minor=_stated_amount(declined, currency) or 0,
        declined_because=clean_text(declined.get("reason"), limit=40),
        declined_message=free_text(declined.get("reason_message"), limit=200),
        answer_failed=NO_ANSWER.get(str(unanswered.get("reason")), ""),
        answer_message=free_text(unanswered.get("reason_message"), limit=200),
        our_reason=_our_reason(content),
        stood_in=stood_in[-1] if stood_in else "",
    )


def _our_reason(content: dict[str, Any]) -> str:
    """Returns the reason that our last answer gave: Stripe keeps an answer's metadata with the authorization."""
    metadata = content.get("metadata")
    return clean_text(metadata.get("onecard_reason"), limit=40) if isinstance(metadata, dict) else ""


def _or_nothing(read: Callable[..., T], *what: Any) -> T | None:
    try:
        return read(*what)
    except MalformedEventError:
        return None


def read_merchant(content: dict[str, Any], *, needs_mcc: bool) -> Merchant:
    """`merchant_data`; raises MalformedEventError without an MCC where one is needed."""
    data = content.get("merchant_data")
    data = data if isinstance(data, dict) else {}
    mcc = clean_text(data.get("category_code"), limit=10)
    if not (len(mcc) == 4 and mcc.isascii() and mcc.isdecimal()):
        if needs_mcc:
            raise MalformedEventError("merchant_data.category_code is not a four-digit MCC.")
        mcc = ""
    return Merchant(
        mcc=mcc,
        name=free_text(data.get("name"), limit=120),
        category=free_text(data.get("category"), limit=120),
        city=free_text(data.get("city"), limit=80),
        country=alpha_2(clean_text(data.get("country"), limit=3)),
        network_id=clean_text(data.get("network_id"), limit=64),
        state=free_text(data.get("state"), limit=40),
        postal_code=free_text(data.get("postal_code"), limit=20),
    )


def _stated_amount(content: dict[str, Any], currency: str) -> int | None:
    """Returns the amount of an object in our minor units, None where it is missing or odd."""
    amount = _or_nothing(amount_in, content, "amount")
    return amount if amount is None or not currency else _or_nothing(in_our_units, amount, currency, "amount")


def _check_cash(pending: dict[str, Any], currency: str) -> None:
    """Raises MalformedEventError for an amount of cash that cannot be read: a purchase with cash is declined."""
    details = pending.get("amount_details")
    cash = details.get("cashback_amount") if isinstance(details, dict) else None
    if cash is not None:
        name = "amount_details.cashback_amount"
        in_our_units(amount_in({"cashback_amount": cash}, name), currency, name)


def _card_id(content: dict[str, Any]) -> str:
    """Returns the card's id; the card is an object in authorizations and an id in transactions."""
    card = content.get("card")
    found = clean_text(card.get("id") if isinstance(card, dict) else card, limit=64)
    if not found:
        raise MalformedEventError("card.id is missing.")
    return found


def _people(content: dict[str, Any]) -> tuple[str, ...]:
    """Returns the cardholder, as an object or an id; by older API versions, inside the card. Two where those differ."""
    card = content.get("card")
    named = (content.get("cardholder"), card.get("cardholder") if isinstance(card, dict) else None)
    found = [clean_text(each.get("id") if isinstance(each, dict) else each, limit=64) for each in named]
    return tuple(dict.fromkeys(filter(None, found)))


def _required(content: dict[str, Any], name: str) -> str:
    found = clean_text(content.get(name), limit=ID_LIMIT)
    if not found:
        raise MalformedEventError(f"data.object.{name} is missing.")
    return found
