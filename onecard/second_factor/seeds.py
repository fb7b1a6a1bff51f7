"""Seals each second factor's seed for its owner: copied to another person's row, it does not open.

allauth gives its adapter a seed without its owner. The owner is the person named by `seeds_of`, otherwise the one who
is logged in, or who has given the password and now gives a code.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from allauth.account.internal.stagekit import unstash_login
from allauth.core import context
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from onecard.kit.crypto import SealError, open_sealed, seal
from onecard.users.models import User

RING: Final = "SECOND_FACTOR_KEYS"
_owner: ContextVar[int | None] = ContextVar("owner_of_seeds", default=None)


@contextmanager
def seeds_of(user: User) -> Iterator[None]:
    """Seals and opens seeds for this person inside the block."""
    token = _owner.set(user.pk)
    try:
        yield
    finally:
        _owner.reset(token)


@sensitive_variables()
def seal_seed(seed: str) -> str:
    """Raises SealError without a key or an owner."""
    return seal(seed, context=place_of(_whose()), ring=RING)


@sensitive_variables()
def open_seed(sealed: str) -> str:
    """Raises SealError when it was sealed for another person, altered, or its key is not in the ring."""
    return open_sealed(sealed, context=place_of(_whose()), ring=RING)


def place_of(user_id: int) -> str:
    return f"mfa_authenticator.data:user-{user_id}"


def _whose() -> int:
    owner = _owner.get()
    if owner is None and context.request is not None:
        owner = context.request.user.pk or _who_logs_in(context.request)
    if owner is None:
        raise SealError("A seed is sealed and opened only for a known person.")
    return int(owner)


def _who_logs_in(request: HttpRequest) -> int | None:
    login = unstash_login(request, peek=True)
    return login.user.pk if login is not None and login.user is not None else None
