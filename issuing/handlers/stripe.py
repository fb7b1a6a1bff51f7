"""What a Stripe event means, apart from requests: updates of purchases, card transactions, and our charges."""

import contextlib
from dataclasses import replace
from typing import Any

from issuing import locking, states
from issuing.authorizations import lifecycle
from issuing.clearing import card_transactions, transaction_rows
from issuing.handlers import stripe_charges, stripe_disputes, stripe_event_types, stripe_own_money
from issuing.inbox.references import ContradictionError
from issuing.inbox.unhandled_money import UnhandledMoneyError
from issuing.issuers.base import IssuerError, IssuerTransaction
from issuing.issuers.merchants import location_of
from issuing.issuers.messages import AuthorizationUpdate, Envelope, MalformedEventError, Merchant
from issuing.issuers.stripe import objects as stripe_objects
from issuing.issuers.stripe.events import parse_authorization_update, read_merchant
from issuing.issuers.transaction_kinds import Kind
from issuing.models import CardTransaction
from onecard.kit.text import free_text

AUTHORIZATION_EVENTS = ("issuing_authorization.created", "issuing_authorization.updated")
TRANSACTION_EVENTS = ("issuing_transaction.created", "issuing_transaction.updated")
Result = tuple[str, str]
HANDLED: Result = (states.Event.HANDLED, "")
WAIT: Result = (states.Event.RECEIVED, "")


def apply(provider: str, envelope: Envelope, *, patient: bool) -> Result:
    """Applies an event; `patient` while our own decision may still be committing. Returns status and reason."""
    if envelope.type in AUTHORIZATION_EVENTS:
        update = parse_authorization_update(provider, envelope)
        with locking.locked_names(provider, update.authorization_id, issuer_card_id=update.issuer_card_id) as purchases:
            known = purchases.get(update.authorization_id)
            return HANDLED if lifecycle.apply_update(update, known, wait_for_decision=patient) else WAIT
    if envelope.type in TRANSACTION_EVENTS:
        return _posted(provider, envelope)
    if envelope.type.startswith(stripe_disputes.DISPUTE_EVENTS):
        return stripe_disputes.apply(provider, envelope)
    about_our_money = stripe_charges.apply(envelope, patient=patient) or stripe_own_money.apply(provider, envelope)
    return about_our_money or (states.Event.KEPT, stripe_event_types.why_kept(envelope.type, envelope.content))


def _posted(provider: str, envelope: Envelope) -> Result:
    found, merchant, code = _read(envelope.content)
    if found.kind not in transaction_rows.TYPES:
        if found.amount_minor:
            raise UnhandledMoneyError(f"Its type, {found.kind}, is new to us.")
        return states.Event.KEPT, "A transaction of a type that is new to us."
    # A force capture: it has no authorization event, so the capture stands for its own purchase.
    is_forced = found.kind == Kind.CAPTURE and not found.authorization_id
    found = replace(found, authorization_id=found.id) if is_forced else found
    with card_transactions.locked(found, provider=provider) as purchases:
        if is_forced:
            update, known = _unannounced(provider, found, merchant, code), purchases.get(found.id)
            with contextlib.suppress(ContradictionError):
                # `record` finds the contradiction again, and keeps it with the movement.
                lifecycle.apply_update(update, known, wait_for_decision=False)
        card_transactions.record(
            found,
            provider=provider,
            source=CardTransaction.Source.WEBHOOK,
            event_type=envelope.type,
            authorization_code=code,
            merchant_category=merchant.category,
            merchant_location=location_of(city=merchant.city, state=merchant.state, country=merchant.country),
        )
    return HANDLED


def _read(content: dict[str, Any]) -> tuple[IssuerTransaction, Merchant, str]:
    """Returns the movement, its merchant and its authorization code.

    Raises MalformedEventError before anything is written.
    """
    try:
        found = stripe_objects.read_transaction(content)
        transaction_rows.check(found)
    except (IssuerError, transaction_rows.UnrecordableError) as error:
        detail = f" {error.message}" if isinstance(error, transaction_rows.UnrecordableError) else ""
        raise MalformedEventError(f"data.object is no transaction that can be recorded.{detail}") from None
    network = content.get("network_data")
    code = network.get("authorization_code") if isinstance(network, dict) else None
    return found, read_merchant(content, needs_mcc=False), free_text(code, limit=20)


def _unannounced(provider: str, found: IssuerTransaction, merchant: Merchant, code: str) -> AuthorizationUpdate:
    return AuthorizationUpdate(
        provider=provider,
        authorization_id=found.authorization_id,
        issuer_card_id=found.issuer_card_id,
        ever_approved=True,
        asked_us=False,
        status=states.Authorization.SETTLED,
        amount_minor=found.amount_minor,
        currency=found.currency,
        merchant=merchant,
        authorization_code=code,
        issuer_cardholder_id=found.issuer_cardholder_id,
    )
