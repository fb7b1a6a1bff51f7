"""What a Stripe event means for our charges of funding cards: outcomes, refunds, disputes, saved cards."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from issuing import states
from issuing.inbox.unhandled_money import UnhandledMoneyError, carries_amount
from issuing.issuers.messages import Envelope, MalformedEventError
from onecard.kit import clock
from onecard.kit.money import MoneyError
from wallet import processor_events
from wallet.charges import outcomes
from wallet.disputes import lifecycle as funding_disputes
from wallet.processors.stripe import disputes as stripe_disputes
from wallet.processors.stripe import intents as stripe_intents
from wallet.processors.stripe import refunds as stripe_refunds
from wallet.processors.stripe.intents import intent_of
from wallet.retry_policy import KEY_LIFE

Result = tuple[str, str]
HANDLED: Result = (states.Event.HANDLED, "")
WAIT: Result = (states.Event.RECEIVED, "")
# Newer API versions report a refund under its own type, older ones under its charge's (docs/issuers/stripe.md,
# Refunds).
REFUND_EVENTS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
DISPUTE_EVENTS = "charge.dispute."
MOVED = {f"{DISPUTE_EVENTS}funds_{word}": word for word in ("withdrawn", "reinstated")}
# Other events about the charge or its card; each function says whether it concerns one of ours.
OTHER_EVENTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "charge.refunded": processor_events.charge_refunded,
    "radar.early_fraud_warning.created": processor_events.fraud_warned,
    "radar.early_fraud_warning.updated": processor_events.fraud_warned,
    "setup_intent.succeeded": processor_events.setup_succeeded,
    "payment_method.detached": processor_events.method_detached,
    "payment_method.updated": processor_events.method_updated,
    "payment_method.automatically_updated": processor_events.method_updated,
    "customer.deleted": processor_events.customer_deleted,
}

ABOUT_A_PAYMENT = (*REFUND_EVENTS, *(kind for kind in OTHER_EVENTS if kind.startswith(("charge.", "radar."))))
# A charge's outcome can be unknown for a day at most (wallet/retry_policy.py).
WAIT_FOR_CHARGE = KEY_LIFE + dt.timedelta(hours=2)


def apply(envelope: Envelope, *, patient: bool) -> Result | None:
    """Applies an event about our charges; None for an event about anything else.

    Raises MalformedEventError. `patient` while the charge may still be committing.
    """
    if envelope.type.startswith("payment_intent."):
        return _charged(envelope)
    if envelope.type in ABOUT_A_PAYMENT and _is_early(envelope):
        return WAIT
    if envelope.type in REFUND_EVENTS:
        return _given_back(envelope)
    if envelope.type.startswith(DISPUTE_EVENTS):
        return _disputed(envelope, patient=patient)
    if envelope.type not in OTHER_EVENTS:
        return None
    with _readable("object"):
        known = OTHER_EVENTS[envelope.type](envelope.content)
    return HANDLED if known else (states.Event.KEPT, "It is about no charge, card or customer of ours.")


def _is_early(envelope: Envelope) -> bool:
    """Returns whether the event may concern a charge with an unknown outcome: then it waits until that is known."""
    is_old = envelope.reported_at is None or clock.now() - envelope.reported_at > WAIT_FOR_CHARGE
    return not is_old and processor_events.is_unsettled(intent_of(envelope.content))


def _charged(envelope: Envelope) -> Result:
    found = stripe_intents.read_payment_intent(envelope.content)
    if found is None and not envelope.object_id:
        raise MalformedEventError("The payment intent has no id.")
    if found is None:
        return states.Event.KEPT, "Nothing has come of the payment intent yet, or its status is new to us."
    known = outcomes.apply_update(found)
    return HANDLED if known else (states.Event.KEPT, "The payment intent is not one of ours.")


def _given_back(envelope: Envelope) -> Result:
    if stripe_refunds.read_refund(envelope.content) is None:
        return states.Event.KEPT, "Nothing has come of the refund yet, or its status is new to us."
    with _readable("refund"):
        known = processor_events.refund_updated(envelope.content)
    return HANDLED if known else (states.Event.KEPT, "The refund is not one of ours.")


def _disputed(envelope: Envelope, *, patient: bool) -> Result:
    with _readable("dispute"):
        found = stripe_disputes.read_dispute(envelope.content)
        if found is None and carries_amount(envelope.content):
            raise UnhandledMoneyError("The dispute's status is new to us.")
        if found is None:
            return states.Event.KEPT, "The dispute's status is new to us."
        is_unknown = funding_disputes.charge_of(found.payment_intent_id) is None
        if is_unknown and (patient or _is_early(envelope)):
            return WAIT
        reported_at = envelope.reported_at or clock.now()
        known = funding_disputes.apply_update(found, reported_at=reported_at, moved=MOVED.get(envelope.type, ""))
    return HANDLED if known else (states.Event.KEPT, "The dispute is of no charge of ours; a case asks staff about it.")


@contextlib.contextmanager
def _readable(noun: str) -> Iterator[None]:
    """Raises MalformedEventError for an object that cannot be read."""
    try:
        yield
    except (MoneyError, KeyError, TypeError, ValueError, AttributeError) as error:
        detail = error.message if isinstance(error, MoneyError) else ""
        raise MalformedEventError(f"data.object is no {noun} that can be read. {detail}".strip()) from error
