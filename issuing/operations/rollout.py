"""Feature flags: on for a share of the users, always the same ones, and for those who are named (design, phase 1).

A user's place is a hash of the feature and the user, so the same people have it in every process, without a cookie, and
raising the share adds people and takes it from nobody.
"""

import hashlib

from django.conf import settings

from issuing.errors import CardRefusedError
from issuing.models import Provider, Rollout
from onecard.users.models import User


def provider_for(user: User) -> str:
    """The issuer of this person's next card; raises CardRefusedError where mock is no choice and real is not yet.

    Without a row of its own the feature is on: a deployment that rolls nothing out needs no row.
    """
    wanted = str(settings.ISSUER_PROVIDER)
    if wanted == Provider.MOCK or is_on(Rollout.Feature.REAL_CARDS, user, without_row=True):
        return wanted
    if not settings.DEBUG:
        raise CardRefusedError("Cards are being opened up step by step, and it is not your turn yet.")
    return Provider.MOCK


def is_on(feature: str, user: User, *, without_row: bool = False) -> bool:
    """Whether a user has a feature: off by name beats on by name beats the share."""
    row = Rollout.objects.filter(feature=feature).first()
    if row is None:
        return without_row
    if row.always_off_for.filter(pk=user.pk).exists():
        return False
    return place_of(feature, user.pk) < row.share_percent or row.always_on_for.filter(pk=user.pk).exists()


def place_of(feature: str, user_pk: int) -> int:
    """A user's place among 100, evenly spread, and unrelated to the place for another feature."""
    digest = hashlib.sha256(f"{feature}:{user_pk}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100
