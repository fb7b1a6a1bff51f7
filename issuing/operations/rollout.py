"""Feature flags: on for a share of the users, always the same ones, and for those who are named.

A user's place is a hash of the feature and the user. So the same people have it in every process, without a cookie, and
raising the share takes the feature from nobody.
"""

import hashlib

from django.conf import settings

from issuing.errors import CardRefusedError
from issuing.models import Provider, Rollout
from onecard.users.models import User


def provider_for(user: User) -> str:
    """Returns the issuer of this person's next card.

    Raises CardRefusedError where the mock issuer is not allowed and the person has no real one yet. Without a row
    the feature is on, so a deployment that rolls nothing out needs none.
    """
    wanted = str(settings.ISSUER_PROVIDER)
    if wanted == Provider.MOCK or is_on(Rollout.Feature.REAL_CARDS, user, without_row=True):
        return wanted
    if not settings.DEBUG:
        raise CardRefusedError("Cards are being opened up step by step, and it is not your turn yet.")
    return Provider.MOCK


def is_on(feature: str, user: User, *, without_row: bool = False) -> bool:
    """Returns whether a user has a feature. Off by name wins over on by name, which wins over the share."""
    row = Rollout.objects.filter(feature=feature).first()
    if row is None:
        return without_row
    if row.always_off_for.filter(pk=user.pk).exists():
        return False
    return place_of(feature, user.pk) < row.share_percent or row.always_on_for.filter(pk=user.pk).exists()


def place_of(feature: str, user_pk: int) -> int:
    """Returns a user's place from 0 to 99, evenly spread and different for each feature."""
    digest = hashlib.sha256(f"{feature}:{user_pk}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100
