"""A person adds a card: the processor's form takes the number, and we read what the processor then knows of it.

`begin` gives the person's device a secret for the form, or `begin_on_page` the address of the processor's own page.
`complete` takes the saved card into the wallet, once: the person's device asks for it, and the processor's event does
where the device went away (issuing/handlers/stripe_charges.py).
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from audit import trail
from onecard.kit import clock
from onecard.kit.attempts import Attempts
from onecard.kit.errors import OneCardError
from onecard.kit.insert_once import insert_once
from onecard.kit.transactions import lock_name, require_no_transaction, transaction
from onecard.outbox import services as outbox
from wallet import states
from wallet.methods import admission, customers, detachment, setup_limit
from wallet.methods import usable as methods
from wallet.methods.admission import CardRefusedError
from wallet.models import Cardholder, CardProduct, CardSetup, FundingMethod
from wallet.processors.base import OutcomeUnknownError
from wallet.processors.stripe import saving
from wallet.processors.stripe.saving import CustomerMissingError, Setup

ACTOR = "processor:stripe"
COMPLETIONS = Attempts(
    model=CardSetup, what="card setup", statuses=(states.CardSetup.OPEN,), grace=dt.timedelta(seconds=5)
)
Made = TypeVar("Made")


class SetupNotFoundError(OneCardError):
    """The wallet began no such setup; a foreign and an unknown one look alike."""

    code = "setup_not_found"


class SetupUnfinishedError(OneCardError):
    """The person has not given a card yet, or their bank still asks them."""

    code = "setup_not_succeeded"


def begin(holder: Cardholder, *, request_id: uuid.UUID, actor: str) -> Setup:
    """Makes a setup for the processor's form, once per `request_id`, and the customer when it is missing.

    Raises TooManySetupsError, ChargesUnderWayError, ProcessorAwayError, and TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    row = _intend(holder, request_id, actor)
    with customers.asking():
        known = saving.find_setup(row.processor_setup_id) if row.processor_setup_id else None
        made = known or _under_customer(
            holder,
            actor,
            lambda customer: _with_key(
                f"setup-{request_id}-{customer}",
                lambda key: saving.make_setup(customer_id=customer, request_id=str(request_id), key=key),
            ),
        )
    _note_id(row, made.setup_id)
    return made


def begin_on_page(holder: Cardholder, *, request_id: uuid.UUID, back_to: str, actor: str) -> str:
    """Makes a page of the processor's for one card, once per `request_id`, and returns its address.

    Raises TooManySetupsError, ChargesUnderWayError, ProcessorAwayError, and TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    _intend(holder, request_id, actor)
    with customers.asking():
        return _under_customer(
            holder,
            actor,
            lambda customer: _with_key(
                f"page-{request_id}-{customer}",
                lambda key: saving.make_page(
                    customer_id=customer, request_id=str(request_id), key=key, back_to=back_to
                ),
            ),
        )


def complete(
    holder: Cardholder, *, setup_id: str, actor: str, product: CardProduct | None = None, name: str = ""
) -> FundingMethod:
    """Takes the card of a setup into the wallet, once; a repeat returns the same card, with the product and name given.

    Everything about the card is what the processor says. Raises SetupNotFoundError, SetupUnfinishedError,
    CardRefusedError, ProductMismatchError, ProcessorAwayError, and TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    with customers.asking():
        found = saving.find_setup(setup_id)
    if found is None or not found.customer_id:
        raise SetupNotFoundError("There is no such setup, or it is not yours: begin a new one.")
    _refuse_unfinished(found)
    with transaction():
        kept = _take(holder, found, actor=actor, product=product, name=name)
    # What was refused is committed before this is raised.
    if kept.method is None:
        raise CardRefusedError(kept.refusal, code=kept.refusal_code)
    return kept.method


def succeeded(content: Mapping[str, Any]) -> bool:
    """Notes that the processor reports a finished setup; a worker completes it unless the person's device does."""
    request_id = saving.read_request_id(content)
    row = CardSetup.objects.filter(request_id=request_id).first() if _is_uuid(request_id) else None
    if row is None:
        return False
    _note_id(row, str(content.get("id") or ""))
    with transaction():
        due = CardSetup.objects.filter(pk=row.pk, status=states.CardSetup.OPEN, next_attempt_at=None)
        if due.update(next_attempt_at=clock.now(), updated_at=clock.now()):
            outbox.put(topic="card.setup_succeeded", setup_id=row.pk)
    return True


def complete_reported(*, setup_id: int) -> str:
    """Makes one attempt to complete a setup that the processor reported; returns its status.

    Safe to call twice, at once, late or never again. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    claimed = _claim(setup_id)
    if claimed is not None:
        _complete_claimed(claimed)
    return CardSetup.objects.values_list("status", flat=True).get(pk=setup_id)


def sweep() -> int:
    """Makes an attempt at every reported setup whose message seems lost; returns how many."""
    return COMPLETIONS.sweep(lambda setup_id: complete_reported(setup_id=setup_id))


def _intend(holder: Cardholder, request_id: uuid.UUID, actor: str) -> CardSetup:
    """Keeps the wish once; raises TooManySetupsError, whose trail is committed."""
    with transaction():
        # Whoever begins several at once is counted one after the other.
        lock_name(f"wallet.card_setups:{holder.pk}")
        kept = CardSetup.objects.filter(request_id=request_id).first()
        refusal = setup_limit.refusal(holder, actor=actor) if kept is None else None
        if kept is None and refusal is None:
            kept = _keep_once(holder, request_id, actor)
    if refusal is not None:
        raise refusal
    if kept is None or kept.cardholder_id != holder.pk:
        raise SetupNotFoundError("This request belongs to another wallet.")
    return kept


def _keep_once(holder: Cardholder, request_id: uuid.UUID, actor: str) -> CardSetup:
    now = clock.now()
    row = CardSetup(cardholder=holder, request_id=request_id, created_at=now, updated_at=now)
    if not insert_once(row, unique=("request_id",)):
        return CardSetup.objects.get(request_id=request_id)
    trail.record(actor=actor, action="method.setup_begun", subject=holder, request=str(request_id))
    return row


def _under_customer(holder: Cardholder, actor: str, make: Callable[[str], Made]) -> Made:
    """Calls with the wallet's customer, and again with a new one when the processor has deleted it."""
    customer = customers.customer_of(holder.pk, actor=actor)
    try:
        return make(customer)
    except CustomerMissingError as error:
        if not customers.replace_deleted(holder.pk, gone=customer, actor=actor):
            customers.open_case_of_unknown(holder, customer)
            raise OutcomeUnknownError(error.message) from error
        return make(customers.customer_of(holder.pk, actor=actor))


def _with_key(key: str, make: Callable[[str], Made]) -> Made:
    """Calls with the key, and with another one if it would repeat its error for a day: only one setup is ever used."""
    try:
        return make(key)
    except OutcomeUnknownError as error:
        if not error.is_stored:
            raise
        return make(f"{key}-{uuid.uuid4()}")


def _note_id(row: CardSetup, setup_id: str) -> None:
    if setup_id:
        CardSetup.objects.filter(pk=row.pk, processor_setup_id=None).update(
            processor_setup_id=setup_id, updated_at=clock.now()
        )


def _refuse_unfinished(found: Setup) -> None:
    if found.status == saving.CANCELED:
        raise SetupUnfinishedError("This setup was canceled: begin a new one.")
    if found.status != saving.SUCCEEDED or found.method is None:
        raise SetupUnfinishedError("The card is not saved yet: finish the form first, then try again.")


def _take(holder: Cardholder, found: Setup, *, actor: str, product: CardProduct | None, name: str) -> CardSetup:
    """Under the wallet's lock, takes the card in, or refuses it for good; returns the setup as it then is."""
    wallet = methods.lock_wallet(holder.pk)
    row = _row_of(wallet, found)
    if row.status == states.CardSetup.REFUSED:
        return row
    if row.status == states.CardSetup.COMPLETED and row.method is not None:
        admission.describe(row.method, product=product, name=name, actor=actor)
        return row
    refusal = admission.why_not(wallet, found)
    if refusal is not None:
        _finish(row, status=states.CardSetup.REFUSED, refusal_code=refusal.code, refusal=refusal.message)
        trail.record(actor=actor, action="method.refused", subject=wallet, code=refusal.code)
        if refusal.is_foreign_to_wallet:
            detachment.intend(found.method_id, holder=wallet, method=None, actor=actor)
        return row
    method = admission.add(wallet, found, product=product, name=name, actor=actor)
    _finish(row, status=states.CardSetup.COMPLETED, method=method)
    return row


def _row_of(wallet: Cardholder, found: Setup) -> CardSetup:
    """Returns the wallet's own row of a setup; raises SetupNotFoundError for one of another wallet or customer."""
    mine = CardSetup.objects.select_related("method").filter(cardholder=wallet)
    row = mine.filter(processor_setup_id=found.setup_id).first()
    if row is None and _is_uuid(found.request_id):
        row = mine.filter(request_id=found.request_id).first()
    if row is None or found.customer_id != wallet.processor_customer_id:
        raise SetupNotFoundError("There is no such setup, or it is not yours: begin a new one.")
    return row


def _finish(row: CardSetup, *, status: str, **changes: Any) -> None:
    now = clock.now()
    for field, value in {"status": status, **changes}.items():
        setattr(row, field, value)
    open_ = CardSetup.objects.filter(pk=row.pk, status=states.CardSetup.OPEN)
    changed = open_.update(status=status, **changes, next_attempt_at=None, claimed_until=None, updated_at=now)
    assert changed == 1, "the wallet's lock was taken"  # noqa: S101


def _claim(setup_id: int) -> CardSetup | None:
    with transaction():
        due = CardSetup.objects.filter(COMPLETIONS.due(clock.now()), pk=setup_id).exclude(processor_setup_id=None)
        claimed = due.select_related("cardholder__user").first()
        return claimed if claimed is not None and COMPLETIONS.claim(claimed) else None


def _complete_claimed(row: CardSetup) -> None:
    try:
        complete(row.cardholder, setup_id=row.processor_setup_id or "", actor=ACTOR)
    except (SetupNotFoundError, SetupUnfinishedError, CardRefusedError) as error:
        # The customer was replaced, or the card was refused: the row says so, and nothing is due any more.
        COMPLETIONS.held(row).update(next_attempt_at=None, claimed_until=None, failure_message=error.message[:300])
    except OneCardError as error:
        COMPLETIONS.put_back(row, message=error.message, delay_s=None)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
