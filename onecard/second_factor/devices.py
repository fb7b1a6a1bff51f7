"""A staff member's second factor: the six digits of an authenticator app (TOTP, RFC 6238), checked by django-otp.

A person has one device. Its key is shown once, when it is made; it counts from the first right code on. To replace it
takes a code of the old one; else a superuser removes it. All of that is in the trail, refusals included.
"""

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Final

from django.views.decorators.debug import sensitive_variables
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit import trail
from audit.models import Entry
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import transaction
from onecard.users.models import User

REFUSED: Final = "second_factor.refused"
REFUSALS_PER_HOUR: Final = 10
# Time to open the app and type; what was begun and left lying is no door for somebody else.
BEGUN_FOR: Final = dt.timedelta(minutes=15)
SHORTEST_REASON: Final = 10
_CODE: Final = re.compile(r"[0-9]{6}")


class SecondFactorError(OneCardError):
    """The second factor was not set up, changed or removed; the sentence says why."""

    code = "second_factor"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the authenticator app needs, to be shown this once; the repr shows none of it."""

    key: str = field(repr=False)
    url: str = field(repr=False)


def has_device(user: User) -> bool:
    """Whether this person can give codes."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


@sensitive_variables("code")
def verify_code(user: User, code: str) -> bool:
    """Whether these are the present six digits of the person's device; a right code is right once.

    After a wrong code the next is looked at only after 1, 2, 4 … seconds (django-otp). What it finds is committed with
    the caller's transaction: call it outside of one that may roll back.
    """
    with transaction():
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
        return device is not None and _matches(device, code)


@sensitive_variables("password", "code")
def begin(*, user: User, password: str, code: str = "") -> Enrolment:
    """Makes a device that waits for its first code, and gives its key, once.

    Asks for the password again and, where there is a device already, for its code. Raises SecondFactorError.
    """
    with transaction():
        user = _locked(user)
        problem = _too_many(user) or _why_not(user, password, code)
        if not problem:
            TOTPDevice.objects.filter(user=user, confirmed=False).delete()
            made = TOTPDevice.objects.create(user=user, name="Authenticator", confirmed=False)
    if problem:
        raise SecondFactorError(problem)
    return Enrolment(key=_in_groups(made), url=made.config_url)


@sensitive_variables("code")
def finish(*, user: User, code: str) -> None:
    """Lets the device that was begun count from now on, in the place of any earlier one; raises SecondFactorError."""
    with transaction():
        user = _locked(user)
        problem = _too_many(user) or _why_unfinished(user, code)
        if not problem:
            replaced, _ = TOTPDevice.objects.filter(user=user, confirmed=True).delete()
            TOTPDevice.objects.filter(user=user).update(confirmed=True)
            verb = "replaced" if replaced else "enrolled"
            trail.record(actor=f"user:{user.pk}", action=f"second_factor.{verb}", subject=user)
    if problem:
        raise SecondFactorError(problem)


def remove(*, user: User, actor: str, reason: str) -> None:
    """Takes a person's device away, for one who lost it; raises SecondFactorError without a reason or a device.

    Who may do so is the caller's to check.
    """
    reason = " ".join(reason.replace("\x00", "").split())
    if len(reason) < SHORTEST_REASON:
        raise SecondFactorError(f"Say why, in at least {SHORTEST_REASON} characters.")
    if actor == f"user:{user.pk}":
        raise SecondFactorError("Nobody removes their own second factor: replace it, or ask another superuser.")
    with transaction():
        user = _locked(user)
        had_one = has_device(user)
        TOTPDevice.objects.filter(user=user).delete()
        if not had_one:
            raise SecondFactorError("This person has no second factor.")
        trail.record(actor=actor, action="second_factor.removed", subject=user, reason=reason[:300])


def _why_not(user: User, password: str, code: str) -> str:
    """Why no device can be begun, in words, or ""."""
    if not user.check_password(password):
        return _refused(user, "password", "This is not your password.")
    if has_device(user) and not verify_code(user, code):
        return _refused(
            user, "code", "This is not the present code of your old device. Without it, ask a superuser to remove it."
        )
    return ""


def _why_unfinished(user: User, code: str) -> str:
    begun = TOTPDevice.objects.filter(user=user, confirmed=False, created_at__gt=clock.now() - BEGUN_FOR).first()
    if begun is None:
        return "Nothing was begun within the last 15 minutes; please start again."
    if not _matches(begun, code):
        sentence = "This is not the present code. Wait for the next one; if that fails too, check your phone's clock."
        return _refused(user, "first_code", sentence)
    return ""


@sensitive_variables("code")
def _matches(device: TOTPDevice, code: str) -> bool:
    """Spaces are how apps show codes; whatever else is no code still counts as a wrong one."""
    digits = code.replace(" ", "")
    return bool(device.verify_token(digits if _CODE.fullmatch(digits) else "none"))


def _refused(user: User, what: str, sentence: str) -> str:
    trail.record(actor=f"user:{user.pk}", action=REFUSED, subject=user, what=what)
    return sentence


def _too_many(user: User) -> str:
    """A stolen session must not become a place to guess passwords."""
    since = clock.now() - dt.timedelta(hours=1)
    made = Entry.objects.filter(
        subject_type="user", subject_id=str(user.pk), action=REFUSED, recorded_at__gt=since
    ).count()
    return "Too many wrong passwords or codes; please wait an hour." if made >= REFUSALS_PER_HOUR else ""


def _locked(user: User) -> User:
    """The row itself: a request's user is a stand-in, which the trail would name by its own class."""
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _in_groups(device: TOTPDevice) -> str:
    """The key in base32, as apps want it typed, in groups of four."""
    from base64 import b32encode

    text = b32encode(device.bin_key).decode()
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))
