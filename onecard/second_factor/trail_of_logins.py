"""Logins in the audit trail: who logged in, who failed and from where. A wrong name is stored only as a short hash.

People sometimes type their password, or a card number, into the field for the name.
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
    """Records a failed login. `why` is password, code, not_staff, inactive or no_second_factor."""
    with transaction():
        _record("staff.login_failed", name, address=address, why=why)


def locked_out(*, name: str, address: str) -> None:
    """Records too many failed attempts from the address or for the account; further ones are refused unread."""
    with transaction():
        _record("staff.locked_out", name, address=address)


def short_hash(name: str) -> str:
    """Returns a keyed hash that distinguishes names. Without the key, trying all card numbers would find one."""
    return salted_hmac("onecard.logins", clean_text(name, limit=150).lower(), algorithm="sha256").hexdigest()[:12]


def _record_of(action: str, user: User, address: str) -> None:
    with transaction():
        subject = User.objects.get(pk=user.pk)
        trail.record(actor=f"user:{user.pk}", action=action, subject=subject, address=address)


def _record(action: str, name: str, **details: str) -> None:
    user = userkit.get_user_by_username(clean_text(name, limit=150))  # In any case of letters, as the login finds it.
    subject: Model = user or ContentType.objects.get_for_model(User)
    trail.record(actor=ACTOR, action=action, subject=subject, name_hash=short_hash(name), **details)
