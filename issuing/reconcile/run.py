"""A reconciliation, from its lock to its report: each comparison is read, repaired where safe, and followed up."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings
from django.db import connection
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from issuing import journal
from issuing.reconcile import cases, repairs
from issuing.reconcile.compare import Difference, Kind
from issuing.reconcile.comparisons import Comparison
from issuing.reconcile.window import Window
from onecard.kit.errors import OneCardError
from onecard.kit.postgresql.sessions import own_session
from onecard.kit.transactions import require_no_transaction
from wallet.models import Case

log = logging.getLogger(__name__)

ACTOR = "system:reconcile"
# So many differences have one cause, such as another account's key; a case for each would hide it.
MOST_CASES = 1000


class ReconcileBusyError(OneCardError):
    """The same comparison is running elsewhere."""

    code = "reconcile_busy"


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference and its result: the repair, or its case, open or settled by staff."""

    comparison: Comparison
    difference: Difference
    repaired: str
    case: Case | None
    is_open: bool

    @property
    def is_settled(self) -> bool:
        return self.case is not None and not self.is_open


@dataclass(slots=True)
class Report:
    """The result of a run: differences by class, and how many were repaired, settled by staff before, or are left.

    `older` counts open cases about movements before the window, and `rows` the rows that the other sides listed.
    """

    window: Window
    found: Counter[Kind] = field(default_factory=Counter)
    repaired: int = 0
    settled: int = 0
    left: int = 0
    older: int = 0
    without_case: int = 0
    resolved: int = 0
    rows: int = 0

    def add(self, other: "Report") -> None:
        """Adds the counts of further comparisons of the same window."""
        self.found += other.found
        for name in ("repaired", "settled", "left", "older", "without_case", "resolved", "rows"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


OnFinding = Callable[[Finding], object]
Progress = Callable[[str, int], object]


def reconcile(
    comparisons: Sequence[Comparison],
    window: Window,
    *,
    fix: bool = False,
    actor: str = ACTOR,
    on_finding: OnFinding = lambda _finding: None,
    progress: Progress = lambda _name, _rows: None,
) -> Report:
    """Runs the comparisons one after the other, calls `on_finding` for each finding, and returns the counts.

    Without `fix` nothing but cases is written. Raises ReconcileBusyError, the issuer's and the processor's errors, of
    which each leaves the comparisons before it done and says nothing about its own; TransactionError; NoSessionError.
    """
    require_no_transaction("A reconciliation")
    report = Report(window)
    # What was decided and is not written out yet would look like a difference.
    journal.write_all()
    with own_session(settings.DIRECT_DATABASE):
        for comparison in comparisons:
            with _alone(comparison):
                _run(comparison, report, fix=fix, actor=actor, on_finding=on_finding, progress=progress)
    return report


def _run(
    comparison: Comparison, report: Report, *, fix: bool, actor: str, on_finding: OnFinding, progress: Progress
) -> None:
    def tick(rows: int) -> None:
        report.rows += rows
        progress(comparison.label, rows)

    cases.begin()
    opened = 0
    with comparison.differences(report.window, tick) as differences:
        for difference in differences:
            finding = _follow(comparison, difference, fix=fix, actor=actor, may_open=opened < MOST_CASES)
            opened += finding.case is not None
            _count(report, finding)
            on_finding(finding)
    report.resolved += cases.resolve_gone(comparison, report.window)
    report.older += cases.older_open(comparison, report.window)


def _follow(comparison: Comparison, difference: Difference, *, fix: bool, actor: str, may_open: bool) -> Finding:
    made = _repair(comparison, difference, actor=actor) if fix else None
    if made is not None and made.is_settled:
        return Finding(comparison, difference, made.done, None, is_open=False)
    settled = cases.settled_case(comparison, difference)
    if settled is not None:
        return Finding(comparison, difference, made.done if made else "", settled, is_open=False)
    cases.note(comparison, difference)
    case = cases.open_case(comparison, difference) if may_open else None
    return Finding(comparison, difference, made.done if made else "", case, is_open=True)


def _repair(comparison: Comparison, difference: Difference, *, actor: str) -> repairs.Repair | None:
    try:
        return repairs.repair(comparison.remedy, comparison.provider, difference, actor=actor)
    except OneCardError as error:
        log.warning("%s of %s could not be repaired: %s", difference.key, comparison.label, error.message)
    except Exception:
        # A failed repair must not hide the other differences; it keeps its case.
        log.exception("%s of %s could not be repaired", difference.key, comparison.label)
    return None


def _count(report: Report, finding: Finding) -> None:
    report.found[finding.difference.kind] += 1
    report.repaired += not finding.is_open and not finding.is_settled
    report.settled += finding.is_settled
    report.left += finding.is_open
    report.without_case += finding.is_open and finding.case is None


@contextmanager
def _alone(comparison: Comparison) -> Iterator[None]:
    """Allows one run at a time: the lock belongs to the session, as the comparison's tables do, and ends with it."""
    name = f"onecard.reconcile:{comparison.label}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        if cursor.fetchone() != (True,):
            raise ReconcileBusyError(
                format_lazy(
                    gettext_lazy("The comparison {state} is under way; wait until it has ended."),
                    state=str(comparison.label),
                )
            )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])
