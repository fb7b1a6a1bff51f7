"""Sealing the seeds of second factors, each for its owner: a seed that is copied to another person does not open.

allauth hands its adapter a seed without saying whose it is. The owner is therefore the person named by `seeds_of`, else
the one who is logged in.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from allauth.core import context
from django.views.decorators.debug import sensitive_variables

from onecard.kit.crypto import SealError, open_sealed, seal
from onecard.users.models import User

RING: Final = "SECOND_FACTOR_KEYS"
_owner: ContextVar[int | None] = ContextVar("owner_of_seeds", default=None)


@contextmanager
def seeds_of(user: User) -> Iterator[None]:
    """Within it, seeds are sealed and opened for this person."""
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
    if owner is None and context.request is not None and context.request.user.is_authenticated:
        owner = context.request.user.pk
    if owner is None:
        raise SealError("A seed is sealed and opened only for a known person.")
    return int(owner)
