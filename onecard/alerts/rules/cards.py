"""Cards that their issuer does not make. The design's target is that more than 99 % of creations succeed."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Count, Max, Min
from django.urls import reverse
from django.utils.translation import gettext_lazy

from issuing.models import CardChange, Provider
from issuing.states import OPEN_CHANGE, Change
from onecard.alerts.rule import Condition, Rule, counted
from onecard.alerts.states import Severity
from onecard.kit import clock, display

TARGET: Final = 0.99
WITHIN: Final = dt.timedelta(hours=1)
# One refusal is about one person, such as a name that the issuer does not take, and has a message for that person.
FEWEST_REFUSED: Final = 2
# A creation takes a second; after four failed attempts it has waited about half a minute.
LATE_AFTER: Final = dt.timedelta(minutes=15)
# Of the newest changes so many are looked through, which bounds the rule's cost.
LOOKED_THROUGH: Final = 10_000


def failed_creations() -> Iterator[Condition]:
    """What was asked for within an hour, through the primary key, and what waits, through change_due."""
    counts, late = _counts(), {row["card__issuer_provider"]: row for row in _late()}
    for provider in sorted({*counts, *late}):
        sentences = [*_refused(counts[provider]), *_waiting(late.get(provider))]
        if sentences:
            yield Condition(
                severity=Severity.CRITICAL,
                summary=f"{Provider(provider).label}: {' '.join(sentences)}",
                key=provider,
                page=f"{reverse('admin:issuing_cardchange_changelist')}?kind__exact={CardChange.Kind.CREATE}",
            )


def _refused(counts: Counter[str]) -> Iterator[str]:
    refused, settled = counts[Change.REFUSED], counts[Change.DONE] + counts[Change.REFUSED]
    if refused >= FEWEST_REFUSED and counts[Change.DONE] <= TARGET * settled:
        yield (
            f"Of {settled} new cards within an hour {refused} were refused: {counts[Change.DONE] / settled:.1%} "
            f"succeeded, the target is over {TARGET:.0%}."
        )


def _waiting(late: dict[str, Any] | None) -> Iterator[str]:
    if late:
        waiting = counted(late["count"], "new card waits", "new cards wait")
        yield f"{waiting} for the issuer, the oldest for {display.age(late['since'])}."


def _counts() -> dict[str, Counter[str]]:
    newest = CardChange.objects.aggregate(newest=Max("pk"))["newest"] or 0
    asked = CardChange.objects.filter(
        pk__gt=newest - LOOKED_THROUGH, kind=CardChange.Kind.CREATE, created_at__gt=clock.now() - WITHIN
    )
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in asked.order_by().values("card__issuer_provider", "status").annotate(count=Count("pk")):
        found[row["card__issuer_provider"]][row["status"]] = row["count"]
    return found


def _late() -> list[Any]:
    late = CardChange.objects.order_by().filter(
        status__in=OPEN_CHANGE, kind=CardChange.Kind.CREATE, created_at__lte=clock.now() - LATE_AFTER
    )
    return list(late.values("card__issuer_provider").annotate(count=Count("pk"), since=Min("created_at")))


RULE: Final = Rule(
    kind="card_creations",
    label=gettext_lazy("New cards are not made"),
    to_do=gettext_lazy(
        "Read on the card changes why the issuer refused them, and see on Issuers whether its breaker is open."
    ),
    measure=failed_creations,
)
