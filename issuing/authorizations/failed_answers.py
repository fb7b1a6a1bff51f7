"""Purchases that did not get the answer that they should have had from us: each is marked, and a case says so.

The issuer reports it after the purchase: no answer in time, or one that it could not use. Beside it count our own
declines for lateness, and the declines that we could not record. One case for each issuer stays open for an incident,
however many purchases it hits.
"""

from typing import Final

from django.db.models import QuerySet

from audit import trail
from issuing import states
from issuing.authorizations import turned_away
from issuing.issuers.messages import AuthorizationUpdate
from issuing.models import Authorization, Decision, Provider
from onecard.kit.transactions import require_transaction
from wallet import cases
from wallet.models import Case

Failure = states.AnswerFailure
LATE: Final = "deadline_exceeded"
# What the issuer repeats of an answer that we gave without a record.
UNREAD: Final = {turned_away.OVERLOADED: Failure.OVERLOAD}


def failed(purchases: QuerySet[Authorization]) -> QuerySet[Authorization]:
    """Selects those that did not get their answer; the overview counts them and the list shows them by this."""
    return purchases.exclude(answer_failed="")


def note(update: AuthorizationUpdate, purchase: Authorization) -> None:
    """Marks the purchase and opens the incident's case; nothing for a purchase that got its answer.

    In the caller's transaction, under the purchase's lock. A purchase is marked once.
    """
    require_transaction("A failed answer")
    failure = _failure(update, purchase)
    if not failure:
        return
    mine = Authorization.objects.filter(pk=purchase.pk, answer_failed="")
    said = {"issuer_message": update.answer_message} if update.answer_message and not purchase.issuer_message else {}
    if mine.update(answer_failed=failure, **said) != 1:
        return
    actor = f"issuer:{update.provider}"
    trail.record(actor=actor, action="authorization.answer_failed", subject=purchase, failure=failure)
    cases.open_case(
        kind=Case.Kind.ANSWERS_FAILING,
        reference=f"answers:{update.provider}",
        money=cases.NO_MONEY,
        summary=_summary(update, failure),
    )


def _failure(update: AuthorizationUpdate, purchase: Authorization) -> str:
    """Returns one of states.AnswerFailure, or ""."""
    if update.answer_failed:
        return update.answer_failed
    last = Decision.objects.filter(authorization=purchase).order_by("-pk").values_list("decline_reason", flat=True)
    reason = last.first()
    if reason is None:
        is_ours = update.asked_us and purchase.status == states.Authorization.DECLINED
        return UNREAD.get(update.our_reason, Failure.UNRECORDED) if is_ours else ""
    return Failure.LATE if reason == LATE else ""


def _summary(update: AuthorizationUpdate, failure: str) -> str:
    # A case's text is stored, so it stays English.
    who, first = Provider(update.provider).label, f"First: {update.authorization_id}."
    sentences: dict[str, str] = {
        Failure.TIMEOUT: f"{who} got no answer of ours in time.",
        Failure.ERROR: f"{who} could not use our answer.",
        Failure.LATE: f"We declined a purchase at {who} because we could not decide in time.",
        Failure.OVERLOAD: f"We declined a purchase at {who} unread: more came at once than we could decide in time.",
        Failure.UNRECORDED: f"We declined a purchase at {who}, and no decision of ours is on record.",
    }
    said = f"{who} says: {update.answer_message}" if update.answer_message else ""
    return " ".join(filter(None, (sentences[failure], first, said)))
