"""The processor refuses our own account: one case for staff, a pause for all calls, and a probe that ends it.

No card is blamed and nothing is given up: what is due stays due (decision 0029). The pause is a row in the database, so
every worker sees it and it survives restarts. The case closes when the last pause ends.
"""

import datetime as dt
import logging

from django.db.models import F, QuerySet

from audit import trail
from onecard.kit import clock
from onecard.kit.transactions import require_transaction, transaction
from wallet import cases
from wallet.models import Case, FundingCharge, ProcessorPause
from wallet.processors.base import AccountRefusedError, RequestRefusedError
from wallet.states import Charge

log = logging.getLogger(__name__)

ACTOR = "system:processor"
REFERENCE = "processor:stripe"
REQUESTS = "processor:stripe:requests"
Operation = ProcessorPause.Operation
# How long after each refusal in a row one call is tried again, in seconds.
PROBE_AFTER = (30, 60, 120, 300, 600)
# The worker that probes has this long; if it dies, the next one probes.
PROBE_TAKES = dt.timedelta(seconds=30)
# A charge that is refused this often while others succeed has a problem of its own.
REFUSALS_OF_ITS_OWN = 3


def wait_until(operation: str) -> dt.datetime | None:
    """Returns when a call of this kind may be tried; None when it may be tried now, as the probe during a pause.

    Runs in the transaction of the caller's claim, so that the probe and the claim are one commit.
    """
    require_transaction("The look at a pause")
    now = clock.now()
    pause = ProcessorPause.objects.filter(operation=operation).first()
    if pause is None:
        return None
    due = ProcessorPause.objects.filter(pk=pause.pk, probe_at__lte=now)
    if due.update(probe_at=now + PROBE_TAKES):
        return None
    pause.refresh_from_db()
    return pause.probe_at


def refused(operation: str, error: AccountRefusedError, *, started_at: dt.datetime) -> None:
    """Pauses calls of this kind for everybody and keeps one case open, however many calls were refused at once.

    Only the probe, a call that began during the pause, makes the pause longer.
    """
    now = clock.now()
    log.error("The processor refuses our account (%s): %s", operation, error.message)
    with transaction():
        pause, is_new = ProcessorPause.objects.get_or_create(
            operation=operation,
            defaults={
                "failure_code": error.refusal_code,
                "failure_message": error.message[:300],
                "since": now,
                "probe_at": now + dt.timedelta(seconds=PROBE_AFTER[0]),
            },
        )
        if is_new:
            trail.record(actor=ACTOR, action="processor.paused", subject=pause, failure_code=error.refusal_code)
        elif pause.since < started_at:
            _probe_later(pause, error)
        cases.open_case(
            kind=Case.Kind.ACCOUNT_REFUSED, reference=REFERENCE, money=cases.NO_MONEY, summary=_in_words(pause, error)
        )


def request_refused(error: RequestRefusedError, *, attempts: int) -> float:
    """Keeps one case for all charges whose request is refused; other charges do not wait.

    Returns the seconds until this charge's next attempt, after `attempts` refusals.
    """
    log.error("The processor refuses a request of ours: %s", error.message)
    code = f" ({error.refusal_code})" if error.refusal_code else ""
    with transaction():
        cases.open_case(
            kind=Case.Kind.ACCOUNT_REFUSED,
            reference=REQUESTS,
            money=cases.NO_MONEY,
            summary=f"The processor refuses charges as requests, and no card is to blame{code}. They stay due and are "
            f"tried again every ten minutes. It says: {error.message}",
        )
    return PROBE_AFTER[min(attempts, len(PROBE_AFTER)) - 1]


def request_over() -> None:
    """Closes the case about refused requests when none of their charges waits any more."""
    mine = Case.objects.filter(kind=Case.Kind.ACCOUNT_REFUSED, reference=REQUESTS, status=Case.Status.OPEN)
    if not mine.exists() or FundingCharge.objects.filter(status=Charge.INTENDED, attempts__gt=0).exists():
        return
    with transaction():
        cases.resolve_cases(reference=REQUESTS, kinds=(Case.Kind.ACCOUNT_REFUSED,))


def answered(operation: str, *, started_at: dt.datetime) -> None:
    """Ends the pause after a successful call that began during it, and with the last pause the case.

    An account that may charge or refund may look up cards too.
    """
    _end(ProcessorPause.objects.filter(operation__in=(operation, Operation.LOOK_UPS), since__lt=started_at))


def nothing_waits(operation: str) -> None:
    """Ends a pause that nothing waits for any more, once a call would be tried: no probe would ever come."""
    _end(ProcessorPause.objects.filter(operation=operation, probe_at__lte=clock.now()))


def try_now() -> None:
    """Lets the next call of each kind go at once, because staff say that the account is mended."""
    require_transaction("A probe")
    ProcessorPause.objects.update(probe_at=clock.now())


def is_about_this_charge(charge: FundingCharge) -> bool:
    """Returns whether another charge succeeded since this one's last refusal: then the account is in order.

    `charge` is the row as the claim found it, so `updated_at` is the time of its last refusal.
    """
    if charge.attempts < REFUSALS_OF_ITS_OWN:
        return False
    return FundingCharge.objects.filter(status=Charge.SUCCEEDED, finished_at__gt=charge.updated_at).exists()


def _end(over: QuerySet[ProcessorPause]) -> None:
    """Ends these pauses, and with the last one the case."""
    if not over.exists():
        return
    with transaction():
        for pause in over.select_for_update():
            trail.record(actor=ACTOR, action="processor.resumed", subject=pause)
            pause.delete()
        if not ProcessorPause.objects.exists():
            cases.resolve_cases(reference=REFERENCE, kinds=(Case.Kind.ACCOUNT_REFUSED,))


def _probe_later(pause: ProcessorPause, error: AccountRefusedError) -> None:
    ProcessorPause.objects.filter(pk=pause.pk, refusals=pause.refusals).update(
        refusals=F("refusals") + 1,
        probe_at=clock.now() + dt.timedelta(seconds=PROBE_AFTER[min(pause.refusals, len(PROBE_AFTER) - 1)]),
        failure_code=error.refusal_code,
        failure_message=error.message[:300],
    )


def _in_words(pause: ProcessorPause, error: AccountRefusedError) -> str:
    what = f"{pause.get_operation_display()} wait: the processor refuses our account"
    code = f" ({error.refusal_code})" if error.refusal_code else ""
    return f"{what}{code}. All goes on by itself once that is mended in its dashboard. It says: {error.message}"
