"""Logins in the audit trail: who came in, who did not and from where. A wrong name is kept as a short hash only.

What people type into the field for the name is at times their password, or a card number.
"""

from allauth.account.internal import userkit
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils.crypto import salted_hmac

from audit import trail
from onecard.kit.text import clean_text
from onecard.kit.transactions import transaction
from onecard.users.models import User

ACTOR = "system:login"


def logged_in(user: User, *, address: str) -> None:
    _record_of("staff.logged_in", user, address)


def logged_out(user: User, *, address: str) -> None:
    _record_of("staff.logged_out", user, address)


def failed(*, name: str, address: str, why: str) -> None:
    """`why`: password, code, not_staff, inactive or no_second_factor."""
    with transaction():
        _record("staff.login_failed", name, address=address, why=why)


def locked_out(*, name: str, address: str) -> None:
    """Too many wrong tries from the address or for the account: what comes is turned away unread."""
    with transaction():
        _record("staff.locked_out", name, address=address)


def short_hash(name: str) -> str:
    """Tells two tries of one name; keyed, since a plain hash of a card's number could be found by trying them all."""
    return salted_hmac("onecard.logins", clean_text(name, limit=150).lower(), algorithm="sha256").hexdigest()[:12]


def _record_of(action: str, user: User, address: str) -> None:
    with transaction():
        subject = User.objects.get(pk=user.pk)
        trail.record(actor=f"user:{user.pk}", action=action, subject=subject, address=address)


def _record(action: str, name: str, **details: str) -> None:
    user = userkit.get_user_by_username(clean_text(name, limit=150))  # In any letters, as the login finds it.
    subject: Model = user or ContentType.objects.get_for_model(User)
    trail.record(actor=ACTOR, action=action, subject=subject, name_hash=short_hash(name), **details)
