"""Counts the purchases of a window that were answered in place of a decision; their money is compared as any other."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Q

from issuing import states
from issuing.models import Authorization


@dataclass(frozen=True, slots=True)
class StoodIn:
    """How many we answered by stand-in and how many of them are approved; how many others approved in our place."""

    answered: int
    approved: int
    by_issuer: int
    by_network: int

    @property
    def by_others(self) -> int:
        return self.by_issuer + self.by_network


def between(since: dt.datetime, until: dt.datetime) -> StoodIn:
    """Returns the counts; the partial index purchase_stood_in holds those purchases only."""
    asked = Authorization.objects.filter(created_at__gte=since, created_at__lt=until).exclude(stood_in="")
    ours = Q(stood_in=states.StoodIn.ONE_CARD)
    counts = asked.aggregate(
        answered=Count("pk", filter=ours),
        approved=Count("pk", filter=ours & ~Q(status=states.Authorization.DECLINED)),
        by_issuer=Count("pk", filter=Q(stood_in=states.StoodIn.ISSUER)),
        by_network=Count("pk", filter=Q(stood_in=states.StoodIn.NETWORK)),
    )
    return StoodIn(**counts)
