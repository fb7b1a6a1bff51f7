"""The history of a person's identity status: the only place that changes it, with each move kept for ever.

`Cardholder.kyc_status` is what a decision reads; it follows the history in the same commit.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.sentences import in_a_sentence
from onecard.kit.transactions import require_transaction
from onecard.kit.transitions import sources_of
from onecard.notices import services as notices
from wallet.models import Cardholder, KycEvent, KycReview
from wallet.states import KYC_MOVES, OPEN_REVIEW, REVIEW_MOVES, KycStatus

# A person is asked again after two years.
VALID_FOR: Final = dt.timedelta(days=730)
LONGEST: Final = 300


class KycError(OneCardError):
    """The identity check cannot go on so; the message is fit for the cardholder's eyes."""

    code = "kyc_refused"


def lock_person(cardholder_id: int) -> Cardholder:
    """Locks a person until the transaction ends and returns the row; every move begins with it."""
    people = Cardholder.objects.select_for_update(no_key=True, of=("self",)).select_related("user")
    return people.get(pk=cardholder_id)


def move(
    holder: Cardholder,
    target: str,
    *,
    actor: str,
    reason: str,
    asked: Sequence[str] = (),
    review: KycReview | None = None,
) -> KycEvent:
    """Moves a locked person's status, and keeps the move with its trail; raises KycError for an illegal move.

    `reason` and `asked` are read by the cardholder. Raises TransactionError outside a transaction.
    """
    require_transaction("A move of an identity check")
    before, now = holder.kyc_status, clock.now()
    due_at = now + VALID_FOR if target == KycStatus.VERIFIED else None
    movable = Cardholder.objects.filter(pk=holder.pk, kyc_status=before)
    is_legal = before in sources_of(KYC_MOVES, target)
    if not is_legal or movable.update(kyc_status=target, kyc_due_at=due_at, updated_at=now) != 1:
        raise KycError(
            format_lazy(
                gettext_lazy("The identity check is {state}, so this cannot be done now."),
                state=in_a_sentence(KycStatus(before).label),
            )
        )
    holder.kyc_status, holder.kyc_due_at = target, due_at
    return note(holder, before, target, actor=actor, reason=reason, asked=asked, review=review)


def note(
    holder: Cardholder,
    before: str,
    target: str,
    *,
    actor: str,
    reason: str,
    asked: Sequence[str] = (),
    review: KycReview | None = None,
) -> KycEvent:
    """Keeps what happened to a check; `before` and `target` are the same where the status stays."""
    made = KycEvent.objects.create(
        cardholder=holder,
        review=review,
        from_status=before,
        to_status=target,
        actor=actor,
        reason=reason[:LONGEST],
        asked=list(asked),
        recorded_at=clock.now(),
    )
    what = {"from_status": before, "to_status": target, "reason": reason[:LONGEST]}
    trail.record(actor=actor, action="cardholder.identity_moved", subject=holder, **what)
    if target != KycStatus.PENDING:
        words = " ".join([f"It is now: {KycStatus(target).label.lower()}.", reason, *asked])
        notices.kyc_changed(user_id=holder.user_id, cause=f"kyc:{made.pk}", text=words)
    return made


def open_review_of(holder: Cardholder) -> KycReview | None:
    """Returns the submission of a person that is not decided yet."""
    return KycReview.objects.filter(cardholder=holder, status__in=OPEN_REVIEW).first()


def move_review(review: KycReview, target: str, *, actor: str, reason: str) -> None:
    """Moves one submission; raises KycError when somebody else decided it meanwhile."""
    movable = KycReview.objects.filter(pk=review.pk, status__in=sources_of(REVIEW_MOVES, target))
    ends = {"decided_by": actor, "decided_at": clock.now()} if target not in OPEN_REVIEW else {}
    if movable.update(status=target, reason=reason[:LONGEST], **ends) != 1:
        raise KycError(gettext_lazy("Somebody else decided this identity check meanwhile."))
    review.status, review.reason = target, reason[:LONGEST]
