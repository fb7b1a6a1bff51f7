"""The processor's events about our charges and saved cards: foreign refunds, fraud warnings, changed cards."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from audit import trail
from onecard.kit import clock
from onecard.kit.currency_units import from_stripe
from onecard.kit.money import MAX_AMOUNT_MINOR
from onecard.kit.text import clean_text
from onecard.kit.transactions import transaction
from wallet import cases, states
from wallet.disputes import lifecycle as funding_disputes
from wallet.methods import card_details, customers, setups
from wallet.methods import usable as methods
from wallet.models import Cardholder, Case, FundingCharge, FundingMethod
from wallet.processors.base import RefundOutcome
from wallet.processors.stripe.intents import intent_of
from wallet.processors.stripe.methods import read_saved_method
from wallet.processors.stripe.refunds import read_refund
from wallet.refunds import records as refunds

ACTOR = "processor:stripe"
Status = FundingMethod.Status
RENEWED = "method.renewed"
AT_WORK = (states.Charge.SENDING, states.Charge.UNKNOWN, states.Charge.PROCESSING)


def is_unsettled(payment_intent_id: str) -> bool:
    """Returns whether an event of a payment must wait until its charge's outcome, or owner, is known.

    It may belong to a charge whose answer was lost: only a look-up of the charge brings the payment's id.
    """
    charge = funding_disputes.charge_of(payment_intent_id)
    if charge is not None:
        return charge.status in (*AT_WORK, states.Charge.REQUIRES_ACTION, *states.HOLDING)
    unheard = Q(processor_charge_id=None) | Q(processor_charge_id="")
    return FundingCharge.objects.filter(unheard, status__in=AT_WORK).exists()


def refund_updated(content: Mapping[str, Any]) -> bool:
    """Applies a refund object: ours, or one that somebody made at the processor. False when it is neither."""
    found = read_refund(content)
    if found is None or refunds.apply_update(found):
        return found is not None
    charge = funding_disputes.charge_of(intent_of(content))
    if charge is None or found.refund_public_id:
        return False
    if charge.obligation.policy == states.Policy.HOLD_THEN_CAPTURE and content.get("balance_transaction", "") is None:
        # Stripe calls the released rest of a partial capture a refund, although no money moves.
        return True
    money = from_stripe(content.get("amount"), content.get("currency"))
    if not 0 < money.minor <= MAX_AMOUNT_MINOR or money.currency != charge.obligation.currency:
        raise ValueError("A refund is of more than nothing, in the currency of its charge.")
    refunds.record_foreign(charge=charge, outcome=found, amount_minor=money.minor)
    return True


def charge_refunded(content: Mapping[str, Any]) -> bool:
    """Books what of a charge's refunded total is no refund of ours; returns False when the charge is not ours."""
    charge = funding_disputes.charge_of(intent_of(content))
    if charge is None:
        return False
    if charge.status != states.Charge.SUCCEEDED or content.get("captured") is not True:
        return True
    currency = content.get("currency")
    # After a partial capture the processor counts the rest as refunded.
    let_go = from_stripe(content.get("amount"), currency).minor
    let_go -= from_stripe(content.get("amount_captured", content.get("amount")), currency).minor
    refunded_minor = from_stripe(content.get("amount_refunded"), currency).minor - let_go
    if refunded_minor > MAX_AMOUNT_MINOR:
        raise ValueError("More was refunded than can be booked.")
    foreign = refunds.foreign_minor(charge, refunded_minor)
    if foreign:
        refunds.record_foreign(charge=charge, outcome=RefundOutcome(states.Refund.SUCCEEDED), amount_minor=foreign)
    return True


def fraud_warned(content: Mapping[str, Any]) -> bool:
    """Opens one case for an early fraud warning; returns False when the charge is not ours."""
    charge = funding_disputes.charge_of(intent_of(content))
    if charge is None:
        return False
    fraud_type = clean_text(content.get("fraud_type"), limit=60).replace("_", " ") or "no type given"
    reference = f"fraud_warning:{_id(content.get('id'))}"
    with transaction():
        if not Case.objects.filter(kind=Case.Kind.CHARGE_WARNING, reference=reference).exists():
            cases.open_case(
                kind=Case.Kind.CHARGE_WARNING,
                reference=reference,
                money=charge.obligation.payable,
                summary=f"The bank of {charge.method} suspects fraud in this charge ({fraud_type}).",
                obligation=charge.obligation,
            )
    return True


def setup_succeeded(content: Mapping[str, Any]) -> bool:
    """Has a worker take the saved card into its wallet, if nobody did; returns False when the setup is not ours."""
    return setups.succeeded(content)


def method_detached(content: Mapping[str, Any]) -> bool:
    """Disables a saved card that belongs to nobody any more; returns False when it is not ours."""
    return _change_method(_id(content.get("id")), "method.detached", status=Status.DETACHED)


def method_updated(content: Mapping[str, Any]) -> bool:
    """Updates what the processor says of a renewed card; returns False when it is not ours."""
    changes = card_details.details(read_saved_method(content))
    return _change_method(_id(content.get("id")), RENEWED, **changes)


def customer_deleted(content: Mapping[str, Any]) -> bool:
    """Disables all saved cards of a deleted customer, with one case; returns False when none is ours."""
    customer = _id(content.get("id"))
    holder = Cardholder.objects.filter(processor_customer_id=customer).first() if customer else None
    if holder is None:
        return False
    with transaction():
        methods.lock_wallet(holder.pk)
        customers.detach_all(holder, actor=ACTOR)
        cases.open_case(
            kind=Case.Kind.EVENT_CONTRADICTION,
            reference=f"cardholder:{holder.pk}",
            money=cases.NO_MONEY,
            summary=f"The processor deleted the customer {customer} of {holder.name}, so none of their cards can be "
            "charged. Have them save their cards again under a new customer.",
        )
    return True


def _change_method(processor_method_id: str, action: str, **changes: Any) -> bool:
    """Changes the method once; the audit entry keeps the old values."""
    found = FundingMethod.objects.filter(processor_method_id=processor_method_id).first()
    if found is None:
        return False
    with transaction():
        methods.lock_wallet(found.cardholder_id)
        found.refresh_from_db()
        changes = card_details.without_taken_number(found, changes)
        changes |= card_details.renewal(found, changes) if action == RENEWED else {}
        new = {name: value for name, value in changes.items() if getattr(found, name) != value}
        if new:
            now = clock.now()
            renewal = {"renewed_at": now} if action == RENEWED else {}
            FundingMethod.objects.filter(pk=found.pk).update(**new, **renewal, updated_at=now)
            was = {f"was_{name}": getattr(found, name) for name in new}
            trail.record(actor=ACTOR, action=action, subject=found, **new, **was)
    return True


def _id(value: Any) -> str:
    return clean_text(value.get("id") if isinstance(value, Mapping) else value, limit=64)
