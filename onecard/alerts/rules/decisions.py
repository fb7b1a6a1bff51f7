"""Our answers to the issuers: those that failed or came too late, and those whose charge is not written."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Min, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy

from issuing.authorizations import failed_answers
from issuing.models import Authorization, JournalEntry, Provider, PurchaseHour
from onecard.alerts.rule import Condition, Rule, counted
from onecard.alerts.states import Severity
from onecard.kit import clock, display

# The design's success rate is over 99.9 %.
TARGET: Final = 0.001
# The issuer reports a failed answer some seconds after the purchase; a shorter time would forget a slow trickle.
WITHIN: Final = dt.timedelta(minutes=30)
# One or two are lost connections; each is marked and has the case all the same.
FEWEST: Final = 3
# The relay writes an entry out within a second.
JOURNAL_LATE_AFTER: Final = dt.timedelta(minutes=2)


def failing_answers() -> Iterator[Condition]:
    """Purchases of half an hour that did not get their answer, through the partial index purchase_unanswered."""
    since = clock.now() - WITHIN
    failed = failed_answers.failed(Authorization.objects.filter(created_at__gt=since))
    for row in failed.order_by().values("provider").annotate(count=Count("pk")):
        all_of_them = max(_purchases_since(row["provider"], since), row["count"])
        if row["count"] >= FEWEST and row["count"] > TARGET * all_of_them:
            yield Condition(
                severity=Severity.CRITICAL,
                summary=f"{Provider(row['provider']).label}: {row['count']} purchases within "
                f"{display.span(WITHIN.total_seconds())} got no answer of ours that counts; about {all_of_them} were "
                "asked.",
                key=row["provider"],
                page=f"{reverse('admin:issuing_authorization_changelist')}?answer=failed",
            )


def waiting_journal() -> Iterator[Condition]:
    """The oldest decision whose charge is not written; the journal holds only such."""
    waiting = JournalEntry.objects.aggregate(count=Count("pk"), since=Min("decided_at"))
    if waiting["since"] is None or clock.now() - waiting["since"] <= JOURNAL_LATE_AFTER:
        return
    yield Condition(
        severity=Severity.CRITICAL,
        summary=f"{counted(waiting['count'], 'decision is', 'decisions are')} answered and not written out, the oldest "
        f"for {display.age(waiting['since'])}: nobody is charged.",
        page=reverse("desk:health"),
    )


def _purchases_since(provider: str, since: dt.datetime) -> int:
    """Returns about how many purchases there were, from the sums of the hours."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    rows = PurchaseHour.objects.filter(hour_at__gte=hour, provider=provider)
    return int(rows.aggregate(total=Sum("purchases"))["total"] or 0)


ANSWERS: Final = Rule(
    kind="answers_failing",
    label=gettext_lazy("Our answers to an issuer fail"),
    to_do=gettext_lazy(
        "Look at the database's load, the web server's log and the way to the issuer. What we answer too late, the "
        "issuer decides in our place."
    ),
    measure=failing_answers,
)
JOURNAL: Final = Rule(
    kind="journal_waits",
    label=gettext_lazy("Decisions are not written out"),
    to_do=gettext_lazy("See that the relay runs (manage.py relay); its log names an entry that cannot be written."),
    measure=waiting_journal,
)
