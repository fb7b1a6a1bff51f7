"""Events that could not be applied: the time of their next attempt, and the case that asks staff."""

import datetime as dt

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from audit import trail
from issuing import states
from issuing.inbox import bodies
from issuing.inbox import deliveries as inbox
from issuing.inbox.content import content_of
from issuing.inbox.references import ContradictionError
from issuing.inbox.unhandled_money import carries_amount
from issuing.issuers.messages import MalformedEventError
from issuing.models import Decision, IssuerEvent
from onecard.kit.attempts import next_count
from onecard.kit.backoff import backoff_s
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from onecard.kit.reasons import checked_reason
from onecard.kit.text import clean_message
from onecard.kit.transactions import transaction
from wallet import cases
from wallet.models import Case

# With doubling waits these take about half a minute; later attempts come every hour at most.
ATTEMPTS_BEFORE_CASE = 5
# Events of these types move money or announce it, even if the amount is missing.
MONEY_EVENTS = (
    "charge.dispute.",
    "charge.refund",
    "issuing_dispute.",
    "issuing_transaction.created",
    "refund.",
    "transaction.authorization.clearing",
    "transaction.pindebit.chargeback",
    "transaction.refund",
)
UNFINISHED = "A try to apply it was begun and has not ended."
WORKER_DIED = (
    "The worker's process died each time: see its log and the machine's memory, then send the event through again."
)


class NothingToRetryError(OneCardError):
    """The event cannot be sent through again; the message tells staff why."""

    code = "nothing_to_retry"


def begin_attempt(event_pk: int, *, now: dt.datetime, only_if_due: bool) -> bool:
    """Counts an attempt before it is made and commits that; returns False when the event must not be tried.

    An attempt that ends its worker's process (no memory, a crash, the hard time limit) is therefore counted, and
    waits for its next time like a failed one. After some such deaths a case asks staff, once.
    """
    new = IssuerEvent.objects.filter(pk=event_pk, status=states.Event.RECEIVED, attempts=0, next_attempt_at=None)
    if _set_next_try(new, attempts=1, now=now, reason=UNFINISHED):
        return True
    with transaction():
        event = IssuerEvent.objects.select_for_update(no_key=True).get(pk=event_pk)
        is_early = event.next_attempt_at is not None and event.next_attempt_at > now
        if event.status != states.Event.RECEIVED or (only_if_due and is_early):
            return False
        attempts = next_count(event.attempts)
        _set_next_try(IssuerEvent.objects.filter(pk=event_pk), attempts=attempts, now=now, reason=UNFINISHED)
        if event.attempts == ATTEMPTS_BEFORE_CASE and event.reason == UNFINISHED:
            _open_case(event, f"{event.attempts} tries to apply it did not end. {WORKER_DIED}")
    return True


def end_attempt(event: IssuerEvent) -> None:
    """Removes the count of an attempt after which the event still waits, in its transaction."""
    IssuerEvent.objects.filter(pk=event.pk).update(reason="", **inbox.ATTEMPT_ENDED)


def record_failure(event_pk: int, error: Exception, *, now: dt.datetime) -> None:
    """Records why an attempt failed and when the next one is due; after some failures a case asks staff.

    The waits double from two seconds to an hour (onecard/kit/backoff.py). A database error is recorded too, if the
    database answers, so that an event that always takes too long is noticed.
    """
    reason = _in_words(error)
    with transaction():
        event = IssuerEvent.objects.select_for_update(no_key=True).get(pk=event_pk)
        if event.status != states.Event.RECEIVED:
            return
        _set_next_try(IssuerEvent.objects.filter(pk=event_pk), attempts=event.attempts, now=now, reason=reason)
        # Only once, so that a case that staff closed stays closed while the attempts continue.
        if event.attempts == ATTEMPTS_BEFORE_CASE:
            _open_case(event, f"Applying it failed {event.attempts} times: {reason}")


def _set_next_try(events: QuerySet[IssuerEvent], *, attempts: int, now: dt.datetime, reason: str) -> bool:
    next_attempt_at = now + dt.timedelta(seconds=backoff_s(attempts))
    return events.update(attempts=attempts, next_attempt_at=next_attempt_at, reason=reason) == 1


def open_case_if_money(event: IssuerEvent, reason: str) -> None:
    """Opens a case for a genuine event with money that cannot be read; in the caller's transaction."""
    if event.event_type.startswith(MONEY_EVENTS) or _carries_amount(event):
        _open_case(event, f"It cannot be read: {reason}")


def open_contradiction(event: IssuerEvent, error: ContradictionError) -> None:
    """Keeps an event whose references do not belong together, and opens a case."""
    summary = f"{event.event_type} {event.event_id}: {error.message}"
    kind = Case.Kind.EVENT_CONTRADICTION
    cases.open_case(kind=kind, reference=event.reference, money=error.money, summary=summary)


def open_case_about_delivery(provider: str, body: bytes, reason: str) -> None:
    """Opens one case per issuer about genuine deliveries with an amount that cannot be read.

    In the caller's transaction. The issuer stops repeating them after some days.
    """
    if b'"amount' not in body:
        return
    summary = f"A genuine delivery cannot be read: {reason} See the rejected ones in the inbox, and ask the issuer."
    reference = f"deliveries:{provider}"
    cases.open_case(kind=Case.Kind.EVENT_UNAPPLIED, reference=reference, money=Money(0, "USD"), summary=summary)


def end(event: IssuerEvent) -> None:
    """Closes the case of an event that was applied, in the caller's transaction."""
    cases.resolve_cases(reference=event.reference, kinds=(Case.Kind.EVENT_UNAPPLIED,))


def send_through_again(event: IssuerEvent, *, actor: str, reason: str) -> None:
    """Has a worker apply an event again, on staff's request, also one that was applied: that changes nothing.

    Raises NothingToRetryError for a question, whose answer the issuer has, and for an event whose body is archived.
    """
    words = checked_reason(reason, error=NothingToRetryError)
    if not bodies.bodies_of([event]):
        raise NothingToRetryError(bodies.ARCHIVED)
    with transaction():
        if is_answered(event) or not inbox.take_again(event):
            raise NothingToRetryError(_("The issuer asked this and has our answer, so there is nothing to send again."))
        trail.record(actor=actor, action="event.sent_again", subject=event, reason=words, was=event.status)


def is_answered(event: IssuerEvent) -> bool:
    """Returns whether the event is a question that was decided; it is applied with its answer."""
    return Decision.objects.filter(event=event).exists()


def _open_case(event: IssuerEvent, summary: str) -> None:
    # The amount is in the event, in the issuer's own form; staff see it there.
    cases.open_case(kind=Case.Kind.EVENT_UNAPPLIED, reference=event.reference, money=Money(0, "USD"), summary=summary)


def _in_words(error: Exception) -> str:
    return clean_message(f"{type(error).__name__}: {error}", limit=200)


def _carries_amount(event: IssuerEvent) -> bool:
    try:
        content = content_of(event)
    except (MalformedEventError, bodies.BodyArchivedError):
        return False
    return carries_amount(content)
