"""The processor's customer of a wallet: made when it is missing, and anew after the processor deleted it."""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import require_no_transaction, require_transaction, transaction
from wallet import cases, states
from wallet.methods import usable as methods
from wallet.models import Cardholder, Case, FundingCharge, FundingMethod
from wallet.processors.base import NotProcessedError, OutcomeUnknownError, ProcessorAwayError
from wallet.processors.stripe import saving

log = logging.getLogger(__name__)

# Another request may be making the same customer at this moment: it has this long to record it.
WAITS_S = (0.1, 0.3, 0.6, 1.0)
# Only a look-up under the customer can still bring the outcome of such a charge.
IN_DOUBT = (states.Charge.SENDING, states.Charge.UNKNOWN, states.Charge.PROCESSING)
Status = FundingMethod.Status


class ChargesUnderWayError(OneCardError):
    """The customer cannot be replaced while a charge made under it has no outcome."""

    code = "charges_under_way"


@contextmanager
def asking() -> Iterator[None]:
    """Raises ProcessorAwayError where the processor gives no answer that a person could do anything about."""
    try:
        yield
    except (NotProcessedError, OutcomeUnknownError) as error:
        log.warning("the processor gave no usable answer about a saved card: %s", error.message)
        raise ProcessorAwayError from error


def customer_of(holder_id: int, *, actor: str) -> str:
    """Returns the wallet's customer, and makes it when it is missing: one, however many ask at once.

    The idempotency key is committed before the call. Raises OutcomeUnknownError, NotProcessedError, and
    TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    for wait_s in (*WAITS_S, None):
        holder = _intend(holder_id)
        if holder.processor_customer_id:
            return holder.processor_customer_id
        try:
            return _record(holder, _make(holder), actor=actor)
        except OutcomeUnknownError as error:
            if error.is_stored:
                _take_new_key(holder)
            if wait_s is None:
                raise
            time.sleep(wait_s)
    raise AssertionError("The last round returns or raises.")


def replace_deleted(holder_id: int, *, gone: str, actor: str) -> bool:
    """Forgets a customer that the processor has deleted, with its cards; returns False when it was not deleted.

    Raises ChargesUnderWayError, OutcomeUnknownError, NotProcessedError, and TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    if not saving.is_deleted(gone):
        return False
    with transaction():
        holder = methods.lock_wallet(holder_id)
        if holder.processor_customer_id != gone:
            return True
        if FundingCharge.objects.filter(status__in=IN_DOUBT, obligation__cardholder=holder).exists():
            raise ChargesUnderWayError(
                "Your last charges have no outcome yet. Add the card once they have: try again in some minutes."
            )
        detach_all(holder, actor=actor)
        _change(holder, processor_customer_id="", customer_request_id=uuid.uuid4())
        trail.record(actor=actor, action="wallet.customer_deleted", subject=holder, was=gone)
    return True


def open_case_of_unknown(holder: Cardholder, customer_id: str) -> None:
    """Tells staff of a customer that the processor never had: no card can be saved or charged under it."""
    with transaction():
        cases.open_case(
            kind=Case.Kind.EVENT_CONTRADICTION,
            reference=f"cardholder:{holder.pk}",
            money=cases.NO_MONEY,
            summary=f"The processor does not know the customer {customer_id} of {holder.name}, so no card can be added "
            "or charged. Is STRIPE_API_KEY of another account, or was the id typed in? Mend it on the wallet's page.",
        )


def detach_all(holder: Cardholder, *, actor: str) -> None:
    """Takes all cards of a deleted customer out of use, under the wallet's lock."""
    require_transaction("The end of a wallet's cards")
    for method in FundingMethod.objects.filter(cardholder=holder).exclude(status=Status.DETACHED):
        FundingMethod.objects.filter(pk=method.pk).update(status=Status.DETACHED, updated_at=clock.now())
        trail.record(actor=actor, action="method.detached", subject=method, customer="deleted")


def _intend(holder_id: int) -> Cardholder:
    """Returns the wallet with its customer, or with the key under which one is to be made."""
    with transaction():
        holder = methods.lock_wallet(holder_id)
        if not holder.processor_customer_id and holder.customer_request_id is None:
            holder.customer_request_id = uuid.uuid4()
            _change(holder, customer_request_id=holder.customer_request_id)
        return holder


def _make(holder: Cardholder) -> str:
    key = f"customer-{holder.customer_request_id}"
    return saving.make_customer(name=holder.name, email=holder.user.email, wallet=holder.pk, key=key)


def _record(holder: Cardholder, customer_id: str, *, actor: str) -> str:
    """Keeps the customer unless another request was faster; returns the wallet's."""
    with transaction():
        kept = methods.lock_wallet(holder.pk)
        if kept.processor_customer_id:
            return kept.processor_customer_id
        _change(holder, processor_customer_id=customer_id)
        trail.record(actor=actor, action="wallet.customer_made", subject=holder, customer=customer_id)
        return customer_id


def _take_new_key(holder: Cardholder) -> None:
    """Replaces a key that will never get another answer than its error."""
    Cardholder.objects.filter(pk=holder.pk, customer_request_id=holder.customer_request_id).update(
        customer_request_id=uuid.uuid4(), updated_at=clock.now()
    )


def _change(holder: Cardholder, **changes: object) -> None:
    Cardholder.objects.filter(pk=holder.pk).update(**changes, updated_at=clock.now())
