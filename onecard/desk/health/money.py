"""What decides and what must add up: rankings, decision times, reconciliation, charges with unknown outcome."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from django.db.models import Count, Min
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from issuing.models import DecisionHour
from issuing.operations.hourly_sums import ISSUER_WAITS_MS, percentiles
from issuing.states import Reconciliation
from onecard.desk.health.item import Item, State
from onecard.desk.home import books, waiting
from onecard.kit import clock, display
from onecard.kit.row_counts import rows_about
from routing.models import RankingRow
from routing.rulebook import current_version
from wallet.models import FundingCharge, ProcessorPause
from wallet.states import DUE_CHARGE, Charge

# A charge is tried within seconds; sweeps look for what the queue lost.
OVERDUE_AFTER: Final = dt.timedelta(minutes=2)
RECONCILED_WITHIN: Final = dt.timedelta(hours=26)
# The processor's outcome is looked up by itself; later a person has to ask.
UNKNOWN_AT_MOST: Final = dt.timedelta(hours=1)


def rankings() -> Iterator[Item]:
    """The rows that the choice of a card is made from."""
    version = current_version()
    # By PostgreSQL's statistics, which a table that was filled a moment ago does not have yet.
    has_rows = RankingRow.objects.order_by("-pk").values_list("pk", flat=True).first() is not None
    count = (rows_about(RankingRow) or RankingRow.objects.count()) if has_rows else 0
    words = ngettext("About %(count)s row, version %(version)s.", "About %(count)s rows, version %(version)s.", count)
    yield Item(
        name=_("MCC rankings database"),
        state="good" if count else "bad",
        measured=words % {"count": count, "version": version},
        to_do=_("Import the rankings: without them every purchase is charged to the backup card, or declined."),
        page=reverse("admin:routing_rankingrow_changelist"),
    )


def payments() -> Iterator[Item]:
    """When a funding card was charged last, what is overdue, and whether the processor refuses our account."""
    last = FundingCharge.objects.filter(status=Charge.SUCCEEDED).order_by("-finished_at", "-pk").first()
    overdue = FundingCharge.objects.filter(
        status__in=DUE_CHARGE, next_attempt_at__lte=clock.now() - OVERDUE_AFTER
    ).aggregate(count=Count("pk"), since=Min("next_attempt_at"))
    pause = ProcessorPause.objects.filter(operation=ProcessorPause.Operation.CHARGES).first()
    measured = [
        _("The last charge succeeded %(age)s ago.") % {"age": display.age(last.finished_at)}
        if last
        else _("No charge has succeeded yet.")
    ]
    if overdue["count"]:
        words = ngettext(
            "%(count)s is overdue, for %(age)s.", "%(count)s are overdue, for up to %(age)s.", overdue["count"]
        )
        measured.append(words % {"count": overdue["count"], "age": display.age(overdue["since"])})
    if pause is not None:
        measured.append(_("The processor has refused our account for %(age)s.") % {"age": display.age(pause.since)})
    yield Item(
        name=_("Payment processing"),
        state="bad" if pause or overdue["count"] else "good" if last else "warn",
        measured=" ".join(measured),
        to_do=_(
            "See that workers and relay run, and what the case about the processor says. Nothing is lost meanwhile."
        ),
        page=reverse("admin:wallet_fundingcharge_changelist"),
    )


def decision_times() -> Iterator[Item]:
    """Our answers of this hour and the last one, against what the issuer waits."""
    found = percentiles(DecisionHour.objects.filter(hour_at__gt=clock.now() - dt.timedelta(hours=2)))
    if not found.decisions:
        measured, state = _("No purchase was decided in the last hours."), "good"
    else:
        state = "bad" if found.late else "good"
        words = ngettext(
            "%(count)s answer, 99 %% up to %(p99)s ms; the issuer waits %(limit)s ms.",
            "%(count)s answers, 99 %% up to %(p99)s ms; the issuer waits %(limit)s ms.",
            found.decisions,
        )
        measured = words % {"count": found.decisions, "p99": found.p99_ms, "limit": ISSUER_WAITS_MS}
    yield Item(
        name=_("Decision time"),
        state="bad" if state == "bad" else "good",
        measured=measured,
        to_do=_("See the database's load. What is decided too late, the issuer decides in our place."),
        page=reverse("admin:index"),
    )


def reconciliation() -> Iterator[Item]:
    """The last run that ended, and what it left."""
    last = books.last_reconciliation()
    to_do = _(
        "Open the report: each difference has its case. If none ran tonight, see the workers; press “Reconcile now”."
    )
    page = reverse("admin:issuing_reconcilerun_changelist")
    if last is None:
        yield Item(name=_("Last reconciliation"), state="warn", measured=_("None yet."), to_do=to_do, page=page)
        return
    run = last["run"]
    is_late = clock.now() - run.finished_at > RECONCILED_WITHIN
    words = ngettext(
        "It ended %(age)s ago and left %(count)s difference.",
        "It ended %(age)s ago and left %(count)s differences.",
        run.left,
    )
    measured = words % {"age": display.age(run.finished_at), "count": run.left}
    if run.status == Reconciliation.FAILED:
        measured = _("It failed %(age)s ago: %(problem)s") % {
            "age": display.age(run.finished_at),
            "problem": run.problem,
        }
    elif last["skipped"]:
        skipped = ngettext(
            "%(count)s comparison was not done.", "%(count)s comparisons were not done.", last["skipped"]
        )
        measured = f"{measured} {skipped % {'count': last['skipped']}}"
    state: State = "bad" if last["tone"] == "bad" else "warn" if is_late else "good"
    yield Item(name=_("Last reconciliation"), state=state, measured=measured, to_do=to_do, page=last["page"])


def unknown_charges() -> Iterator[Item]:
    """Charges of which the processor's answer was lost."""
    found = waiting.unknown_charges()
    is_old = bool(found["since"]) and clock.now() - found["since"] > UNKNOWN_AT_MOST
    words = ngettext("%(count)s, for %(age)s.", "%(count)s, the oldest for %(age)s.", found["count"])
    measured = words % {"count": found["count"], "age": display.age(found["since"])} if found["count"] else _("None.")
    yield Item(
        name=_("Charges with unknown outcome"),
        state="bad" if is_old else "warn" if found["count"] else "good",
        measured=measured,
        to_do=_(
            "They are looked up by themselves. After an hour there is a case: look the charge up at the processor."
        ),
        page=found["page"],
    )
