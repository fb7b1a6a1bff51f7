"""Answers that were given while the database did not answer: the outage has been, and its answers are in the books."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Max
from django.urls import reverse
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.models import Authorization
from onecard.alerts.rule import Condition, Rule
from onecard.alerts.states import Severity
from onecard.kit import clock, display

# An outage is over when no purchase of so long was answered by stand-in.
RECENT: Final = dt.timedelta(minutes=15)


def answers() -> Iterator[Condition]:
    """Purchases of the last minutes; the partial index purchase_stood_in holds those only."""
    recent = Authorization.objects.filter(created_at__gt=clock.now() - RECENT).exclude(stood_in="")
    found = recent.filter(stood_in=states.StoodIn.ONE_CARD).aggregate(count=Count("pk"), last=Max("created_at"))
    if not found["count"]:
        return
    age = display.age(found["last"])
    yield Condition(
        severity=Severity.CRITICAL,
        summary=f"{found['count']} purchases were answered without the database, the last {age} ago.",
        page=f"{reverse('admin:issuing_authorization_changelist')}?stood_in={states.StoodIn.ONE_CARD}",
    )


RULE: Final = Rule(
    kind="stand_in",
    label=gettext_lazy("Stand-in answers purchases"),
    to_do=gettext_lazy(
        "See why the database did not answer: its log, disk and connections. The answers are in the books once it does."
    ),
    measure=answers,
)
