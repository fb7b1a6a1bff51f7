"""Stripe's `issuing_dispute.*` events as dispute updates.

A dispute carries its balance transactions. Each is a movement under its own id, and is recorded from the event that
brings it first; positive amounts came to us (an assumption: the reference says so only of captures and refunds). An
event that carries none and says that funds were reinstated or rescinded is a movement without an id; the assumption is
that a dispute has at most one of each. The types for provisional credits are Stripe's of September 2026.
"""

import datetime as dt
from typing import Any

from issuing import states
from issuing.disputes import lifecycle as disputes
from issuing.disputes.lifecycle import DisputeUpdate, Movement
from issuing.inbox.unhandled_money import UnhandledMoneyError
from issuing.issuers.messages import Envelope, MalformedEventError
from issuing.models import CardTransaction, Dispute
from onecard.kit import clock
from onecard.kit.currencies import alpha_3
from onecard.kit.currency_units import from_stripe
from onecard.kit.money import MoneyError, currency_exponent
from onecard.kit.text import clean_text, free_text

Type = CardTransaction.Type
DISPUTE_EVENTS = "issuing_dispute."
# The movement that an event without balance transactions stands for, by its type.
BY_NAME: dict[str, str] = {
    f"{DISPUTE_EVENTS}funds_reinstated": Type.CHARGEBACK,
    f"{DISPUTE_EVENTS}funds_rescinded": Type.CHARGEBACK_REVERSAL,
}
PROVISIONAL = ("issuing_dispute_provisional_credit", "issuing_dispute_provisional_credit_reversal")


def apply(provider: str, envelope: Envelope) -> tuple[str, str]:
    """Applies an event; returns its status and reason. Raises MalformedEventError before anything is written."""
    update = read(provider, envelope)
    if update.movements and not (update.disputed_id or _is_known(update)):
        raise UnhandledMoneyError("The dispute moved money, and names no transaction that it is about.")
    disputes.apply_update(update)
    return states.Event.HANDLED, ""


def _is_known(update: DisputeUpdate) -> bool:
    """Returns whether an earlier event has named what is disputed."""
    known = Dispute.objects.filter(provider=update.provider, issuer_dispute_id=update.dispute_id)
    return known.exclude(issuer_transaction_id="").exists()


def read(provider: str, envelope: Envelope) -> DisputeUpdate:
    """Raises MalformedEventError for a dispute without an id, an amount or a currency."""
    content, reported_at = envelope.content, envelope.reported_at or clock.now()
    currency = _currency(content.get("currency"))
    amount = content.get("amount")
    if type(amount) is not int:
        raise MalformedEventError("data.object.amount is not a whole number of minor units.")
    status = clean_text(content.get("status"), limit=20)
    evidence = content.get("evidence")
    disputed = content.get("transaction")
    expanded = disputed if isinstance(disputed, dict) else {}
    card = expanded.get("card")
    person = expanded.get("cardholder") or (card.get("cardholder") if isinstance(card, dict) else None)
    return DisputeUpdate(
        provider=provider,
        dispute_id=clean_text(content.get("id"), limit=64),
        disputed_id=_id_of(disputed),
        # Present only when the disputed transaction is expanded.
        issuer_card_id=_id_of(expanded.get("card")),
        issuer_cardholder_id=_id_of(person),
        also_named=_id_of(expanded.get("authorization")),
        status=status if status in states.Dispute.values else "",
        amount_minor=_ours(amount, currency),
        currency=currency,
        reported_at=reported_at,
        event_type=envelope.type,
        reason=free_text(evidence.get("reason"), limit=80) if isinstance(evidence, dict) else "",
        movements=_movements(envelope, amount, currency, reported_at),
    )


def _movements(envelope: Envelope, amount: int, currency: str, reported_at: dt.datetime) -> tuple[Movement, ...]:
    listed = envelope.content.get("balance_transactions")
    moved = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    if moved:
        return tuple(_movement(row, currency, reported_at) for row in moved if row.get("amount") != 0)
    kind = BY_NAME.get(envelope.type)
    if kind is None or not amount:
        return ()
    return (
        Movement(
            transaction_type=kind, amount_minor=_ours(amount, currency), currency=currency, occurred_at=reported_at
        ),
    )


def _movement(row: dict[str, Any], currency: str, reported_at: dt.datetime) -> Movement:
    amount, name = row.get("amount"), clean_text(row.get("id"), limit=50)
    if type(amount) is not int or not name:
        raise MalformedEventError("data.object.balance_transactions holds what is no movement.")
    theirs = _currency(row.get("currency") or currency)
    kinds = (Type.CHARGEBACK, Type.CHARGEBACK_REVERSAL)
    if row.get("type") in PROVISIONAL:
        kinds = (Type.PROVISIONAL_CREDIT, Type.PROVISIONAL_DEBIT)
    return Movement(
        transaction_type=kinds[amount < 0],
        amount_minor=_ours(abs(amount), theirs),
        currency=theirs,
        occurred_at=reported_at,
        id=name,
    )


def _id_of(reference: object) -> str:
    """Returns the id of an object that is given by id, or expanded."""
    return clean_text(reference.get("id") if isinstance(reference, dict) else reference, limit=64)


def _ours(amount: int, currency: str) -> int:
    """Stripe's units in our own (onecard/kit/currency_units.py)."""
    try:
        return from_stripe(amount, currency).minor
    except MoneyError as error:
        raise MalformedEventError(f"data.object.amount: {error.message}") from None


def _currency(value: object) -> str:
    currency = alpha_3(value) if isinstance(value, str) and not value.strip().isdecimal() else ""
    try:
        currency_exponent(currency)
    except MoneyError as error:
        raise MalformedEventError(f"currency: {error.message}.") from None
    return currency
