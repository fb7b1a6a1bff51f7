"""Counts the purchases of a window that we answered by stand-in; their money is compared as any other."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Q

from issuing import states
from issuing.models import Authorization


@dataclass(frozen=True, slots=True)
class StoodIn:
    """How many there were, and how many of them were approved at the issuer."""

    answered: int
    approved: int


def between(since: dt.datetime, until: dt.datetime) -> StoodIn:
    """Returns the counts; the partial index purchase_stood_in holds those purchases only."""
    asked = Authorization.objects.filter(created_at__gte=since, created_at__lt=until)
    ours = asked.exclude(stood_in="").filter(stood_in=states.StoodIn.ONE_CARD)
    approved = ~Q(status=states.Authorization.DECLINED)
    counts = ours.aggregate(answered=Count("pk"), approved=Count("pk", filter=approved))
    return StoodIn(**counts)
