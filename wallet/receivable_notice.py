"""Mails the cardholder that a purchase is unpaid: one mail for a case, as far as mail allows.

An attempt is stored before the mail goes out, so that two workers never send it at once. An attempt of a worker that
died remains, and after a while the mail is sent again.
"""

import datetime as dt
import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast

from audit import trail
from audit.models import Entry
from onecard.kit import clock
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.outbox import services as outbox
from onecard.outbox.models import Message
from wallet import states
from wallet.models import Case, FundingObligation
from wallet.references import Subject

log = logging.getLogger(__name__)

ACTOR = "system:telling"
TRYING, SENT, UNREACHABLE = "cardholder.telling", "cardholder.told", "cardholder.unreachable"
# The wait before the next attempt; it doubles each time up to the longest.
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(minutes=2), dt.timedelta(hours=6)
MOST_ATTEMPTS = 10
SWEEP_GRACE = dt.timedelta(seconds=30)
SWEEP_BATCH = 100


def send(*, case_id: int, card_is_frozen: bool) -> bool:
    """Sends the mail about a receivable unless it was sent or is being sent; returns whether it went out now.

    Raises TransactionError inside a transaction.
    """
    require_no_transaction("A mail")
    case = _claim(case_id)
    if case is None or case.obligation is None:
        return False
    try:
        send_mail(*_mail(case, case.obligation, card_is_frozen=card_is_frozen), settings.SERVER_EMAIL, _address(case))
    except (SMTPException, OSError) as error:
        log.error("The mail of case %s could not be sent: %s.", case_id, type(error).__name__)  # noqa: TRY400
        return False
    with transaction():
        trail.record(actor=ACTOR, action=SENT, subject=case)
    return True


def sweep(*, now: dt.datetime | None = None) -> int:
    """Queues the mails again that were due and did not go out; returns how many (money-safety I11)."""
    moment = now or clock.now()
    waiting = Message.objects.filter(topic="cardholder.notify", published_at__isnull=True)
    asked = set(waiting.values_list("payload__case_id", flat=True))
    due = [pk for pk in _not_sent(moment - SWEEP_GRACE) if pk not in asked and _is_due(_attempts(pk), moment)]
    for case_id in due:
        with transaction():
            outbox.put(topic="cardholder.notify", case_id=case_id)
    return len(due)


def _not_sent(limit: dt.datetime) -> list[int]:
    about = Entry.objects.filter(
        subject_type="case", subject_id=Cast(OuterRef("pk"), CharField()), action__in=(SENT, UNREACHABLE)
    )
    cases = Case.objects.filter(kind=Case.Kind.RECEIVABLE, status=Case.Status.OPEN, opened_at__lt=limit)
    return list(cases.exclude(Exists(about)).order_by("pk").values_list("pk", flat=True)[:SWEEP_BATCH])


def _claim(case_id: int) -> Case | None:
    """Stores an attempt under the case's lock; returns None when there is nothing to send, or it was sent."""
    with transaction():
        mine = Case.objects.select_for_update(no_key=True, of=("self",)).filter(pk=case_id, status=Case.Status.OPEN)
        case = mine.select_related("obligation__cardholder__user").first()
        attempts = _attempts(case_id)
        if case is None or case.obligation is None or not _is_due(attempts, clock.now()) or _is_over(case):
            return None
        if not _address(case)[0] or len(attempts) >= MOST_ATTEMPTS:
            trail.record(actor=ACTOR, action=UNREACHABLE, subject=case, tries=len(attempts))
            return None
        trail.record(actor=ACTOR, action=TRYING, subject=case)
        return case


def _attempts(case_id: int) -> list[dt.datetime]:
    entries = Entry.objects.filter(subject_type="case", subject_id=str(case_id), action=TRYING)
    return list(entries.order_by("pk").values_list("recorded_at", flat=True))


def _is_over(case: Case) -> bool:
    entries = Entry.objects.filter(subject_type="case", subject_id=str(case.pk))
    return entries.filter(action__in=(SENT, UNREACHABLE)).exists()


def _is_due(attempts: list[dt.datetime], moment: dt.datetime) -> bool:
    if not attempts:
        return True
    wait: dt.timedelta = min(FIRST_WAIT * 2 ** (len(attempts) - 1), LONGEST_WAIT)
    return moment - attempts[-1] >= wait


def _address(case: Case) -> list[str]:
    return [case.obligation.cardholder.user.email if case.obligation else ""]


def _mail(case: Case, obligation: FundingObligation, *, card_is_frozen: bool) -> tuple[str, str]:
    """Returns subject and body. The bank's reason stays out (docs/issuers/stripe.md, Decline codes)."""
    where = " ".join(obligation.description.split()) or "your purchase"
    retries = obligation.charges.filter(status=states.Charge.INTENDED).exists()
    sentences = [
        f"Hello {obligation.cardholder.name},",
        *_why(obligation, where, case),
    ]
    if retries:
        sentences.append("We will also try again ourselves over the next days.")
    if card_is_frozen:
        sentences.append("Until it is paid, your One Card is frozen and makes no new purchases.")
    return f"Not paid yet: {where}, {case.money}", "\n\n".join(sentences) + "\n"


def _why(obligation: FundingObligation, where: str, case: Case) -> list[str]:
    if Subject.CHARGE_DISPUTE.named_by(obligation.reference):
        return [
            f"the bank of your card took our charge for {where} back. The purchase stands: {case.money} is to be paid.",
            "No card is charged again by itself. Please tell us with which card, or how else, you want to pay it.",
        ]
    return [
        f"none of your cards could be charged for {where}, so {case.money} is still to be paid.",
        "Please look at the cards in your wallet, or ask their banks; a new card can be added there as well.",
    ]
