"""Logins of people who carry a card: found by their e-mail address, of which each login has its own.

A login of staff is never among them, whatever its address is: staff log in by name, in the back office only.
"""

import contextlib
import secrets
import unicodedata
from typing import Final

from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.views.decorators.debug import sensitive_variables

from onecard.users.models import User

LONGEST_DOMAIN: Final = 253


def is_person(user: User) -> bool:
    return not (user.is_staff or user.is_superuser)


def find(email: str) -> User | None:
    """Returns the person's login with this address, in any case of letters."""
    return with_email(email).first()


def with_email(email: str) -> "QuerySet[User]":
    """Returns the logins of people with this address: the database allows one at most."""
    rows = User.objects.filter(is_staff=False, is_superuser=False).exclude(email="")
    return rows.alias(lower_email=Lower("email")).filter(lower_email=normal_email(email))


def normal_email(email: str) -> str:
    """Returns the one spelling under which an address is kept: small letters, and a domain in ASCII.

    A text that is no address comes back in small letters only; whoever takes addresses has checked them before.
    """
    name, at, domain = unicodedata.normalize("NFKC", email).strip().lower().rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.encode("idna").decode() if len(domain) <= LONGEST_DOMAIN else domain
    return f"{name}{at}{domain}"


@sensitive_variables("password")
def with_password(email: str, password: str) -> User | None:
    """Returns the active person whom address and password name together.

    An unknown address costs as much time as a wrong password: one hash.
    """
    user = find(email)
    if user is None or not user.has_usable_password():
        hash_in_vain(password)
        return None
    return user if user.check_password(password) and user.is_active else None


@sensitive_variables("password")
def hash_in_vain(password: str) -> None:
    """Takes the time of one hash, so that an answer's time does not show whether there is such a login."""
    User().set_password(password)


def new_username() -> str:
    """Returns a name for a new person's login, which nobody sees or types: people log in by e-mail."""
    return f"person-{secrets.token_hex(12)}"
