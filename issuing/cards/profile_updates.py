"""Sends a corrected profile to each issuer that knows the person (onecard/kit/attempts.py).

The database notes each change in the commit that makes it (issuing/sql/profile_changed.sql), and what is sent is always
the present profile: an attempt that was overtaken by another change is made again.
"""

import datetime as dt
import hashlib
import uuid
from typing import Any

from audit import trail
from issuing import states
from issuing.cards.people import person_of
from issuing.issuers.base import Issuer, IssuerError, Person, RefusedError
from issuing.issuers.errors import PausedError
from issuing.issuers.registry import issuer_for
from issuing.models import IssuerAccount, ProfileUpdate
from onecard.kit import clock
from onecard.kit.attempts import Attempts
from onecard.kit.transactions import require_no_transaction, require_transaction, transaction
from onecard.kit.transitions import sources_of
from wallet import cases
from wallet.models import Cardholder, Case

UPDATES = Attempts(
    model=ProfileUpdate, what="profile update", statuses=states.OPEN_PROFILE_UPDATE, grace=dt.timedelta()
)


def sweep(*, issuer: Issuer | None = None, now: dt.datetime | None = None) -> int:
    """Makes an attempt for each profile that is due; returns how many."""
    return UPDATES.sweep(lambda update_id: carry_out(update_id=update_id, issuer=issuer), now=now)


def carry_out(*, update_id: int, issuer: Issuer | None = None) -> str:
    """Makes one attempt to send a profile that is due; returns the update's status.

    Safe to call twice, at once, late or never again. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the issuer")
    claimed = _claim(update_id)
    if claimed is not None:
        _send(claimed, issuer)
    return ProfileUpdate.objects.values_list("status", flat=True).get(pk=update_id)


def intend(account: IssuerAccount) -> None:
    """Notes, in the caller's transaction, that the profile changed while the issuer was taking the person on."""
    require_transaction("The update of a profile")
    now = clock.now()
    ProfileUpdate.objects.get_or_create(
        account=account, defaults={"next_attempt_at": now, "asked_at": now, "updated_at": now}
    )


def _claim(update_id: int) -> ProfileUpdate | None:
    with transaction():
        due = ProfileUpdate.objects.filter(UPDATES.due(clock.now()), pk=update_id)
        update = due.select_related("account").first()
        if update is None or not UPDATES.claim(update, status=states.ProfileUpdate.SENDING):
            return None
        return update


def _send(update: ProfileUpdate, issuer: Issuer | None) -> None:
    """A name that nobody has checked yet is not sent: the approval of the identity makes the update due again."""
    account = update.account
    # Read after the claim was committed: a change that this read misses raises the version after it.
    holder = Cardholder.objects.select_related("user").get(pk=account.cardholder_id)
    if not holder.kyc_verified:
        _end_attempt(update, states.ProfileUpdate.INTENDED)
        return
    person = person_of(holder)
    try:
        asked = issuer or issuer_for(account.provider)
        key = _key(update, person)
        asked.update_cardholder(account.issuer_cardholder_id, person, key=key, asked_at=update.asked_at)
    except RefusedError as error:
        _refused(update, holder, error)
    except IssuerError as error:
        _try_later(update, holder, error)
    else:
        _done(update, holder)


def _key(update: ProfileUpdate, person: Person) -> str:
    """The same content has the same key, and other content another one."""
    digest = hashlib.sha256(repr(person).encode()).hexdigest()
    return str(uuid.uuid5(update.account.public_id, f"{update.version}:{digest}"))


def _done(update: ProfileUpdate, holder: Cardholder) -> None:
    with transaction():
        if _end_attempt(update, states.ProfileUpdate.DONE):
            actor = f"issuer:{update.account.provider}"
            trail.record(actor=actor, action="cardholder.profile_taken", subject=holder)
            cases.resolve_cases(reference=update.reference, kinds=(Case.Kind.PROFILE_NOT_TAKEN,))


def _refused(update: ProfileUpdate, holder: Cardholder, error: RefusedError) -> None:
    """Final for this version of the profile; a corrected one is sent again."""
    failure = {"failure_code": error.code, "failure_message": error.message[:300]}
    with transaction():
        if _end_attempt(update, states.ProfileUpdate.REFUSED, **failure):
            actor = f"issuer:{update.account.provider}"
            trail.record(actor=actor, action="cardholder.profile_refused", subject=holder, why=error.message)
            _open_case(update, holder, f"refused: {error.message}")


def _try_later(update: ProfileUpdate, holder: Cardholder, error: IssuerError) -> None:
    """After many attempts it opens a case; a pause is no attempt, since nothing was sent."""
    was_sent = not isinstance(error, PausedError)
    with transaction():
        is_ours = UPDATES.put_back(
            update,
            message=error.message,
            delay_s=getattr(error, "retry_after_s", None),
            was_sent=was_sent,
            status=states.ProfileUpdate.INTENDED,
            failure_code=error.code,
        )
        complaint = UPDATES.complaint(update, error.message)
        if is_ours and was_sent and complaint:
            _open_case(update, holder, complaint)


def _end_attempt(update: ProfileUpdate, status: str, **more: Any) -> bool:
    """Ends the attempt; False when the profile was changed meanwhile, which makes it due at once, or is another's."""
    with transaction():
        mine = UPDATES.held(update).select_for_update(no_key=True).first()
        if mine is None:
            return False
        is_newer, now = mine.version != update.version, clock.now()
        next_at = now if is_newer else None
        values = {"status": states.ProfileUpdate.INTENDED} if is_newer else {"status": status, **more}
        movable = UPDATES.held(update).filter(status__in=sources_of(states.PROFILE_UPDATE_MOVES, values["status"]))
        movable.update(claimed_until=None, next_attempt_at=next_at, updated_at=now, **values)
        return not is_newer


def _open_case(update: ProfileUpdate, holder: Cardholder, complaint: str) -> None:
    """One case for a version of the profile; one that staff closed stays closed."""
    cases_of_it = Case.objects.filter(kind=Case.Kind.PROFILE_NOT_TAKEN, reference=update.reference)
    if cases_of_it.filter(opened_at__gte=update.asked_at).exists():
        return
    provider = update.account.get_provider_display()
    cases.open_case(
        kind=Case.Kind.PROFILE_NOT_TAKEN,
        reference=update.reference,
        money=cases.NO_MONEY,
        summary=f"The profile of {holder.name}, at {provider}: {complaint}",
    )
