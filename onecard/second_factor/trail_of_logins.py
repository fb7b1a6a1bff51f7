"""Logins in the audit trail: who logged in, who failed and from where. A wrong name is stored only as a short hash.

People sometimes type their password, or a card number, into the field for the name.
"""

from typing import Literal

from allauth.account.internal import userkit
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.utils.crypto import salted_hmac

from audit import trail
from onecard.kit.text import clean_text
from onecard.kit.transactions import transaction
from onecard.users import people
from onecard.users.models import User

ACTOR = "system:login"
# Staff log in by name, people by e-mail address; each has actions of their own in the trail.
Realm = Literal["staff", "person"]


def realm_of(user: User) -> Realm:
    return "staff" if user.is_staff or user.is_superuser else "person"


def logged_in(user: User, *, address: str, **more: str) -> None:
    _record_of(f"{realm_of(user)}.logged_in", user, address=address, **more)


def logged_out(user: User, *, address: str) -> None:
    _record_of(f"{realm_of(user)}.logged_out", user, address=address)


def confirmed_again(user: User, *, by: str) -> None:
    """Records that somebody who was logged in entered their second factor anew; `by` is code or passkey."""
    _record_of("second_factor.confirmed", user, by=by)


def failed(*, name: str, address: str, why: str, realm: Realm = "staff") -> None:
    """Records a failed login. `why` is password, code, not_staff, inactive, no_second_factor, or which mailed code."""
    with transaction():
        _record(f"{realm}.login_failed", _find(name, realm), name, address=address, why=why)


def locked_out(*, name: str, address: str, realm: Realm = "staff") -> None:
    """Records too many failed attempts from the address or for the account; further ones are refused unread."""
    with transaction():
        _record(f"{realm}.locked_out", _find(name, realm), name, address=address)


def short_hash(name: str) -> str:
    """Returns a keyed hash that distinguishes names. Without the key, trying all card numbers would find one."""
    return salted_hmac("onecard.logins", clean_text(name, limit=150).lower(), algorithm="sha256").hexdigest()[:12]


def _record_of(action: str, user: User, **details: str) -> None:
    with transaction():
        subject = User.objects.get(pk=user.pk)
        trail.record(actor=f"user:{user.pk}", action=action, subject=subject, **details)


def _find(name: str, realm: Realm) -> User | None:
    """Returns the login of a name or address, in any case of letters, as the login itself finds it."""
    text = clean_text(name, limit=254)
    found: User | None = userkit.get_user_by_username(text) if realm == "staff" else people.find(text)
    return found


def _record(action: str, user: User | None, name: str, **details: str) -> None:
    subject: Model = user or ContentType.objects.get_for_model(User)
    trail.record(actor=ACTOR, action=action, subject=subject, name_hash=short_hash(name), **details)
