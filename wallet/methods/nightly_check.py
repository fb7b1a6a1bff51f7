"""The nightly check of saved cards: it finds expired and deleted cards before a purchase does."""

import logging
import time
from collections.abc import Callable

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import Q

from audit import trail
from audit.models import Entry
from onecard.kit import clock
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.outbox import services as outbox
from wallet.methods import card_details
from wallet.methods import usable as methods
from wallet.methods.condition import SOON, last_day
from wallet.models import FundingMethod
from wallet.processors import account_refusals
from wallet.processors.base import AccountRefusedError, NotProcessedError, OutcomeUnknownError
from wallet.processors.stripe import methods as stripe_methods
from wallet.processors.stripe.methods import SavedMethod

log = logging.getLogger(__name__)

ACTOR = "system:method_check"
Status = FundingMethod.Status
LOOK_UPS = account_refusals.Operation.LOOK_UPS
RENEWED = "method.renewed"
UNTYPED = ("funding_type", "country", "fingerprint")
PAGE = 100
# A tenth of Stripe's rate limit, so that the check disturbs nobody. A stretch fits into a task's time limit.
PER_SECOND = 5.0
TIME_BUDGET_S = 30.0
# After this many unanswered calls in a row the processor is down: the next night tries again.
MOST_UNANSWERED = 5

LookUp = Callable[[str], SavedMethod | None]


def check_methods(
    *, after_id: int = 0, look_up: LookUp = stripe_methods.look_up, sleep: Callable[[float], None] = time.sleep
) -> int | None:
    """Checks cards from an id on for a stretch of time; returns the id to go on from, None at the end.

    They are those that are active, and those that only their date disabled: their bank may have renewed them. A
    failure of one card does not stop the others. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the processor")
    end, unanswered, started_at = time.monotonic() + TIME_BUDGET_S, 0, clock.now()
    while page := _page(after_id):
        for method in page:
            try:
                unanswered = 0 if _check_safely(method, look_up) else unanswered + 1
            except AccountRefusedError as error:
                account_refusals.refused(LOOK_UPS, error, started_at=started_at)
                return None
            if unanswered >= MOST_UNANSWERED:
                log.error("The check of funding cards stopped at %s: the processor does not answer.", method.pk)
                return None
            after_id = method.pk
            if time.monotonic() > end:
                return after_id
            sleep(1 / PER_SECOND)
    return None


def check_and_go_on(*, after_id: int) -> None:
    """Checks one stretch and writes the message for the next; the next night makes up for a lost message."""
    go_on_from = check_methods(after_id=after_id)
    if go_on_from is not None:
        with transaction():
            outbox.put(topic="methods.check_requested", after_id=go_on_from)


def _page(after_id: int) -> list[FundingMethod]:
    may_pay = Q(status=Status.ACTIVE) | Q(status=Status.DISABLED, disabled_because=FundingMethod.Why.EXPIRED)
    asked = FundingMethod.objects.filter(may_pay, pk__gt=after_id)
    return list(asked.select_related("cardholder").order_by("pk")[:PAGE])


def _check_safely(method: FundingMethod, look_up: LookUp) -> bool:
    """Returns whether the processor answered. Without an answer nothing about the card changes."""
    try:
        started_at = clock.now()
        found = look_up(method.processor_method_id)
        account_refusals.answered(LOOK_UPS, started_at=started_at)
        _conclude(method, found)
    except (SoftTimeLimitExceeded, AccountRefusedError):
        raise
    except (NotProcessedError, OutcomeUnknownError) as error:
        log.warning("funding card %s could not be checked: %s", method.pk, error.message)
        return False
    except Exception:
        log.exception("funding card %s could not be checked", method.pk)
    return True


def _conclude(method: FundingMethod, found: SavedMethod | None) -> None:
    if found is None or found.customer_id != method.cardholder.processor_customer_id:
        _change(method, "method.detached", status=Status.DETACHED)
        return
    expiry = (found.expiry_year, found.expiry_month)
    if found.expiry_year and found.expiry_month and expiry != (method.expiry_year, method.expiry_month):
        # The network reports a card's successor to the processor; the saved card continues with the new date.
        dates = {"expiry_year": found.expiry_year, "expiry_month": found.expiry_month}
        _change(method, RENEWED, **dates, **card_details.renewal(method, dates))
        method.expiry_year, method.expiry_month = found.expiry_year, found.expiry_month
    _describe(method, found)
    today = clock.local_day(clock.now(), method.cardholder.time_zone)
    if method.status != Status.ACTIVE:
        return
    if last_day(method) < today:
        _change(method, "method.expired", status=Status.DISABLED, disabled_because=FundingMethod.Why.EXPIRED)
    elif last_day(method) - today <= SOON:
        _notice(method)


def _describe(method: FundingMethod, found: SavedMethod) -> None:
    """Adds what the processor knows of a card from the time when cards were typed in."""
    missing = {name: value for name, value in card_details.details(found).items() if name in UNTYPED}
    if {name: getattr(method, name) for name in missing} == missing:
        return
    with transaction():
        methods.lock_wallet(method.cardholder_id)
        changes = card_details.without_taken_number(method, missing)
        if {name: getattr(method, name) for name in changes} != changes:
            FundingMethod.objects.filter(pk=method.pk).update(**changes, updated_at=clock.now())
            trail.record(actor=ACTOR, action="method.described", subject=method, **changes)


def _change(method: FundingMethod, action: str, **changes: str | int) -> None:
    """Changes the card only if nobody changed it since it was read: a later change is newer than the answer."""
    with transaction():
        methods.lock_wallet(method.cardholder_id)
        same = FundingMethod.objects.filter(
            pk=method.pk, status=method.status, expiry_year=method.expiry_year, expiry_month=method.expiry_month
        )
        now = clock.now()
        renewal = {"renewed_at": now} if action == RENEWED else {}
        if same.update(**changes, **renewal, updated_at=now):
            trail.record(actor=ACTOR, action=action, subject=method, **changes)


def _notice(method: FundingMethod) -> None:
    """Notifies once for each expiry date of a card."""
    expiry = f"{method.expiry_year}-{method.expiry_month:02d}"
    action = "method.expires_soon"
    noticed = Entry.objects.filter(subject_type="fundingmethod", subject_id=str(method.pk), action=action)
    if not noticed.filter(details__expiry=expiry).exists():
        with transaction():
            trail.record(actor=ACTOR, action=action, subject=method, expiry=expiry)
