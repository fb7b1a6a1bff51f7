"""A staff member's second factor: the six digits of an authenticator app (TOTP, RFC 6238), kept by django-allauth.

A person has one such device; passkeys and recovery codes are only for logging in. It is enrolled by invitation or
replaced by its owner; a superuser removes a lost one. The trail records all of that and every refusal, and changes are
mailed to the person.
"""

import datetime as dt
import re
from typing import Final

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, validate_totp_code
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from audit import trail
from audit.models import Entry
from onecard.kit import clock
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import transaction
from onecard.second_factor import trust
from onecard.second_factor.errors import SecondFactorError
from onecard.second_factor.invitations import CLOSED, why_closed
from onecard.second_factor.seeds import seeds_of
from onecard.users.models import Invitation, User

REFUSED: Final = "second_factor.refused"
REFUSALS_PER_HOUR: Final = 10
SHORTEST_REASON: Final = 10
WRONG_FIRST_CODE: Final = gettext_lazy(
    "This is not the present code. Wait for the next one; if that fails too, check your phone's clock."
)
WRONG_OLD_CODE: Final = gettext_lazy(
    "This is neither a code of your old device nor a recovery code. Without them, ask a superuser to remove the device."
)
WRONG_CODE: Final = gettext_lazy(
    "This is not the present code of your authenticator, or it was used before. Wait for the next one. A recovery code "
    "does not do here: it lets you log in, and replace a lost device under “My second factor”."
)
TOO_MANY: Final = gettext_lazy("Too many wrong passwords or codes; please wait an hour.")
_CODE: Final = re.compile(r"[0-9]{6}")


def has_device(user: User) -> bool:
    """Returns whether this person can give codes."""
    return bool(_totp(user))


def has_any(user: User) -> bool:
    """Returns whether a login needs a second step: an app, or a passkey of a person without one."""
    return bool(Authenticator.objects.filter(user_id=user.pk).exists())


@sensitive_variables("code")
def verify_code(user: User, code: str) -> bool:
    """Returns whether these are the device's present six digits; a code is accepted once."""
    device, digits = _totp(user), code.replace(" ", "")
    if device is None or not _CODE.fullmatch(digits):
        return False
    with seeds_of(user):
        return bool(TOTP(device).validate_code(digits))


@sensitive_variables("code")
def confirm(user: User, code: str) -> Authenticator:
    """Checks a code that is asked for anew in a session and returns its device; raises SecondFactorError.

    The trail records a wrong code, and ten of them in an hour lock the person out. Call it outside any transaction that
    may roll back.
    """
    with transaction():
        user = _locked(user)
        problem, device = _too_many(user), _totp(user)
        if not problem and not verify_code(user, code):
            problem = refused(user, "code", str(WRONG_CODE))
    if problem or device is None:
        raise SecondFactorError(problem)
    return device


@sensitive_variables("seed", "code", "old_code", "password")
def enrol(
    *, user: User, seed: str, code: str, old_code: str = "", password: str = "", invitation: Invitation | None = None
) -> list[str]:
    """Replaces all earlier devices with a new one and returns its recovery codes, once.

    With an invitation it sets the password as well. Without one the caller has asked for the present password. Where a
    device exists, `old_code` is its code or a recovery code. Raises SecondFactorError.
    """
    with transaction():
        user = _locked(user)
        problem = _too_many(user) or _why_not(user, seed, code, old_code, invitation)
        if not problem:
            verb = "replaced" if has_device(user) else "enrolled"
            codes = _replace(user, seed, code)
            if invitation is not None:
                trust.set_password(user, password)
            begins = trust.begin_to_trust(user)
            trust.note(user, f"second_factor.{verb}", by_invitation=invitation is not None, trusted_from=str(begins))
    if problem:
        raise SecondFactorError(problem)
    return codes


def remove(*, user: User, actor: str, reason: str) -> None:
    """Removes the device of a person who lost it; raises SecondFactorError without a reason or a device.

    Ends the person's sessions. They may reveal and agree to nothing until they enrol again. The caller checks
    permissions.
    """
    reason = checked_reason(reason, error=SecondFactorError, shortest=SHORTEST_REASON)
    if actor == f"user:{user.pk}":
        raise SecondFactorError(
            gettext_lazy("Nobody removes their own second factor: replace it, or ask another superuser.")
        )
    with transaction():
        user = _locked(user)
        deleted, _rows = Authenticator.objects.filter(user=user).delete()
        if not deleted:
            raise SecondFactorError(gettext_lazy("This person has no second factor."))
        trust.note(user, "second_factor.removed", actor=actor, reason=reason[:300])
        trust.suspend(user, actor=actor, because="second_factor_removed")


def refused(user: User, what: str, sentence: str) -> str:
    """Records a wrong password or code, in the caller's transaction."""
    trail.record(actor=f"user:{user.pk}", action=REFUSED, subject=user, what=what)
    return sentence


def _why_not(user: User, seed: str, code: str, old_code: str, invitation: Invitation | None) -> str:
    """Returns why the device is not enrolled, or ""."""
    if invitation is not None:
        row = Invitation.objects.select_for_update().select_related("user").get(pk=invitation.pk)
        if why_closed(row):
            return str(CLOSED)
    if not _CODE.fullmatch(code.replace(" ", "")) or not validate_totp_code(seed, code.replace(" ", "")):
        return refused(user, "first_code", str(WRONG_FIRST_CODE))
    if has_device(user) and not (verify_code(user, old_code) or _verify_recovery_code(user, old_code)):
        return refused(user, "code", str(WRONG_OLD_CODE))
    if invitation is not None:
        Invitation.objects.filter(pk=invitation.pk).update(used_at=clock.now())
    return ""


@sensitive_variables()
def _replace(user: User, seed: str, code: str) -> list[str]:
    Authenticator.objects.filter(user=user).delete()
    with seeds_of(user):
        TOTP.activate(user, seed).validate_code(code.replace(" ", ""))  # The code was used now.
        recovery = RecoveryCodes.activate(user)
        recovery.mark_as_viewed()
        return list(recovery.generate_codes())


@sensitive_variables("code")
def _verify_recovery_code(user: User, code: str) -> bool:
    row = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    if row is None:
        return False
    with seeds_of(user):
        return bool(RecoveryCodes(row).validate_code(code.replace(" ", "")))


def _totp(user: User) -> Authenticator | None:
    device: Authenticator | None = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    return device


def _too_many(user: User) -> str:
    """Returns whether too many passwords were wrong: a stolen session must not be used to guess passwords."""
    since = clock.now() - dt.timedelta(hours=1)
    made = Entry.objects.filter(
        subject_type="user", subject_id=str(user.pk), action=REFUSED, recorded_at__gt=since
    ).count()
    return str(TOO_MANY) if made >= REFUSALS_PER_HOUR else ""


def _locked(user: User) -> User:
    """Returns the locked row itself: a request's user is a lazy proxy, whose class name the trail would store."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)
