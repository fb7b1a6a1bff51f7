"""The manual identity check: a person submits, staff approve, reject or ask for more."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Final

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from wallet.kyc.fields import IDENTITY, TERMS, in_words, missing, nested, values_of
from wallet.kyc.moves import LONGEST, KycError, lock_person, move, move_review, note, open_review_of
from wallet.models import Cardholder, KycReview
from wallet.states import BLOCKING_FLAGS, KycStatus

# This long before a verification ends, the person may submit again without losing it.
RENEWABLE: Final = dt.timedelta(days=60)
SUBMITTED: Final = "Submitted for a check."


class IncompleteError(KycError):
    """The profile lacks fields; `errors` names each."""

    code = "profile_incomplete"

    def __init__(self, names: Sequence[str]) -> None:
        words = gettext_lazy("The profile is not complete. Missing: {names}.")
        super().__init__(format_lazy(words, names=in_words(list(names))))
        self.missing = list(names)
        self.errors = nested({name: ["It is missing."] for name in names})


def submit(*, cardholder_id: int, actor: str, by_staff: bool = False) -> Cardholder:
    """Puts a complete profile into the queue of staff; a person who waits there already stays in it.

    Raises IncompleteError with what is missing, and KycError where nothing is to be checked: the person is verified for
    long, or was rejected, which only staff reopen (`by_staff`).
    """
    with transaction():
        holder = lock_person(cardholder_id)
        if holder.kyc_status == KycStatus.PENDING and open_review_of(holder) is not None:
            return holder
        _refuse_submission(holder, by_staff=by_staff)
        lacking = missing(holder)
        if lacking:
            raise IncompleteError(lacking)
        put_into_queue(holder, actor=actor, reason=SUBMITTED)
    return holder


def put_into_queue(holder: Cardholder, *, actor: str, reason: str) -> KycReview:
    """Opens a check of a locked person, or goes on with the open one; a renewal keeps the person verified."""
    review = open_review_of(holder)
    if review is None:
        review = KycReview.objects.create(cardholder=holder, submitted_by=actor, submitted_at=clock.now())
    elif review.status == KycStatus.NEEDS_MORE:
        move_review(review, KycStatus.PENDING, actor=actor, reason="")
    if holder.kyc_status == KycStatus.PENDING or is_renewable(holder):
        note(holder, holder.kyc_status, holder.kyc_status, actor=actor, reason=reason, review=review)
    else:
        move(holder, KycStatus.PENDING, actor=actor, reason=reason, review=review)
    return review


def approve(*, review_id: int, actor: str, reason: str, shown: str) -> Cardholder:
    """Verifies the person; raises KycError when it was decided meanwhile, or when the profile is not the one `shown`.

    `shown` is the `digest` of what the page said. A person with a blocking flag is not approved.
    """
    with transaction():
        holder, review = _lock(review_id)
        if digest(holder) != shown:
            raise KycError(gettext_lazy("The profile changed after you opened the page. Look at it again."))
        lacking = [name for name in missing(holder) if name != TERMS]
        if lacking:
            raise IncompleteError(lacking)
        if set(holder.compliance_flags) & set(BLOCKING_FLAGS):
            raise KycError(gettext_lazy("A compliance flag stops this person. Clear the flag first."))
        return _decide(holder, review, KycStatus.VERIFIED, actor=actor, reason=reason)


def reject(*, review_id: int, actor: str, reason: str) -> Cardholder:
    """Rejects the person, who reads the reason; raises KycError when it was decided meanwhile."""
    with transaction():
        holder, review = _lock(review_id)
        return _decide(holder, review, KycStatus.REJECTED, actor=actor, reason=reason)


def ask_for_more(*, review_id: int, actor: str, reason: str) -> Cardholder:
    """Asks the person for what the reason says; raises KycError when it was decided meanwhile."""
    with transaction():
        holder, review = _lock(review_id)
        return _decide(holder, review, KycStatus.NEEDS_MORE, actor=actor, reason=reason)


def digest(holder: Cardholder) -> str:
    """Returns a short hash of the profile, so that a decision applies to the profile that the page showed."""
    identity = values_of(holder)
    text = "\x1f".join(str(identity[name]) for name in IDENTITY)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_renewable(holder: Cardholder, *, now: dt.datetime | None = None) -> bool:
    """Returns whether a verified person may submit again, because the verification ends soon."""
    due_at = holder.kyc_due_at
    is_soon = due_at is not None and due_at - RENEWABLE <= (now or clock.now())
    return holder.kyc_status == KycStatus.VERIFIED and is_soon


def _refuse_submission(holder: Cardholder, *, by_staff: bool) -> None:
    if holder.kyc_status == KycStatus.VERIFIED and not is_renewable(holder):
        raise KycError(gettext_lazy("Your identity is verified already."), code="kyc_verified_already")
    if holder.kyc_status == KycStatus.REJECTED and not by_staff:
        raise KycError(
            gettext_lazy("Your identity check was rejected. Ask our support to look at it again."), code="kyc_rejected"
        )


def _lock(review_id: int) -> tuple[Cardholder, KycReview]:
    holder_id = KycReview.objects.values_list("cardholder_id", flat=True).get(pk=review_id)
    holder = lock_person(holder_id)
    return holder, KycReview.objects.get(pk=review_id)


def _decide(holder: Cardholder, review: KycReview, target: str, *, actor: str, reason: str) -> Cardholder:
    words = checked_reason(reason, error=KycError, longest=LONGEST)
    asked = [words] if target == KycStatus.NEEDS_MORE else []
    move_review(review, target, actor=actor, reason=words)
    move(holder, target, actor=actor, reason=words, asked=asked, review=review)
    return holder
