"""A reconciliation that staff, the clock or a command ask for: one at a time, with a report that stays.

Whoever carries it out, a worker or the command, holds a lock of its database session while it compares. When a worker
dies the lock is free, and the sweeper has the run begun anew: comparing twice opens no case twice. The run of a command
that died fails, since only its caller knows what it was to compare.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connection
from django.db.models import F

from audit import trail
from issuing import states
from issuing.models import NotCompared, ReconcileFinding, ReconcileRun
from issuing.reconcile import nightly
from issuing.reconcile.cases import words
from issuing.reconcile.run import Finding, OnFinding, Progress, ReconcileBusyError, Report
from issuing.reconcile.window import Window, window
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.postgresql.sessions import NoSessionError, own_session
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.kit.transitions import sources_of
from onecard.outbox import services as outbox

TOPIC = "reconcile.requested"
NIGHTLY, COMMAND = "system:reconcile", "system:reconcile_command"
# A run that killed its worker so often would kill the next one too.
MOST_STARTS = 3
# A message is in a worker's hands after this, if there is a worker.
LOST_AFTER = dt.timedelta(minutes=1)
SAVE_EVERY_S = 1.0


def request(*, actor: str) -> tuple[ReconcileRun, bool]:
    """Returns the run that is open, or a new one with its message to a worker; and whether it is new."""
    with transaction():
        run, is_new = _open(actor)
        if is_new:
            outbox.put(topic=TOPIC, run_id=run.pk)
    return run, is_new


def _open(actor: str, **columns: Any) -> tuple[ReconcileRun, bool]:
    now = clock.now()
    with transaction():
        run, is_new = ReconcileRun.objects.get_or_create(
            status=states.Reconciliation.RUNNING,
            defaults={"requested_by": actor, "requested_at": now, "updated_at": now, **columns},
        )
        if is_new:
            trail.record(actor=actor, action="reconcile.requested", subject=run)
    return run, is_new


def run_nightly() -> None:
    """Carries out the night's reconciliation, or the one that is open."""
    run, _is_new = request(actor=NIGHTLY)
    carry_out(run_id=run.pk)


def carry_out(*, run_id: int) -> None:
    """Compares everything, unless another worker does or has. Raises TransactionError in a transaction."""
    require_no_transaction("A reconciliation")
    try:
        with own_session(settings.DIRECT_DATABASE), _alone(run_id) as is_mine:
            if is_mine:
                _carry_out(run_id)
    except NoSessionError as error:
        _end(run_id, states.Reconciliation.FAILED, problem=error.message)


def carry_out_here(
    span: Window,
    *,
    provider: str,
    fix: bool,
    is_whole: bool,
    begun: Callable[[ReconcileRun], object],
    on_finding: OnFinding,
    progress: Progress,
) -> Report:
    """Compares in this process, for `manage.py reconcile`; `begun` gets the row that keeps the report.

    `is_whole` says that it compares what the night does; then it takes over a run that still waits for a worker. The
    first comparison that cannot be made ends the run as failed, and its error is raised: that of `reconcile`, or
    ImproperlyConfigured. Raises ReconcileBusyError while another run is open, NoSessionError, and TransactionError.
    """
    require_no_transaction("A reconciliation")
    with own_session(settings.DIRECT_DATABASE):
        run, is_new = _open(COMMAND, is_by_command=True)
        with _alone(run.pk) as is_mine:
            mine = None
            if is_mine and (is_new or is_whole):
                mine = _begin(run.pk, span, provider=provider, is_whole=is_whole, is_by_command=True)
            if mine is None:
                raise ReconcileBusyError(f"The reconciliation of {run} is under way or waits for a worker.")
            begun(mine)
            return _compare_here(mine, span, fix=fix, on_finding=on_finding, progress=progress)


def _compare_here(run: ReconcileRun, span: Window, *, fix: bool, on_finding: OnFinding, progress: Progress) -> Report:
    listener = _Recorder(run, on_finding, progress).listener()
    try:
        report = nightly.run_strictly(nightly.taking_part(run.provider), span, listener, fix=fix)
    except BaseException as error:
        # Without a database the sweeper ends it.
        with suppress(Error):
            _end(run.pk, states.Reconciliation.FAILED, problem=_why(error))
        raise
    _end(run.pk, states.Reconciliation.FINISHED)
    return report


def _why(error: BaseException) -> str:
    if isinstance(error, OneCardError):
        return str(error.message)
    if isinstance(error, ImproperlyConfigured):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted; what it found so far has its case."
    return f"It failed ({type(error).__name__}); the command said more. What it found so far has its case."


def sweep() -> list[int]:
    """Sends the message of an open run again when no worker has it; returns the ids of such runs."""
    return [run.pk for run in ReconcileRun.objects.filter(status=states.Reconciliation.RUNNING) if _send_again(run)]


def _send_again(run: ReconcileRun) -> bool:
    now = clock.now()
    with transaction():
        lost = ReconcileRun.objects.filter(
            pk=run.pk, status=states.Reconciliation.RUNNING, updated_at__lt=now - LOST_AFTER
        )
        if is_in_hands(run.pk) or not lost.update(updated_at=now):
            return False
        if run.is_by_command:
            _end(run.pk, states.Reconciliation.FAILED, problem="Its command has ended; what it found so far is a case.")
            return False
        outbox.put(topic=TOPIC, run_id=run.pk)
        return True


def is_in_hands(run_id: int) -> bool:
    """Returns whether a worker is carrying out this run now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND (classid::bigint << 32 | objid::bigint) = hashtextextended(%s, 0))",
            [_lock(run_id)],
        )
        return bool(cursor.fetchone()[0])


def _carry_out(run_id: int) -> None:
    span = window()
    run = _begin(run_id, span)
    if run is None:
        return
    try:
        nightly.run_all(_Recorder(run).listener(), span)
    except SoftTimeLimitExceeded:
        _end(run_id, states.Reconciliation.FAILED, problem="It took longer than a worker may; what it found is a case.")
        raise
    _end(run_id, states.Reconciliation.FINISHED)


def _begin(
    run_id: int, span: Window, *, provider: str = "", is_whole: bool = True, is_by_command: bool = False
) -> ReconcileRun | None:
    """Empties the report and returns the run; None when it has ended, or ends now because it killed its workers."""
    now = clock.now()
    with transaction():
        run = ReconcileRun.objects.select_for_update(no_key=True).get(pk=run_id)
        if run.status != states.Reconciliation.RUNNING:
            return None
        if run.starts >= MOST_STARTS:
            _end(run_id, states.Reconciliation.FAILED, problem=f"Its worker died {MOST_STARTS} times; see its log.")
            return None
        run.findings.all().delete()
        run.not_compared.all().delete()
        for name in ("comparisons", "compared", "rows_listed", *COUNTS):
            setattr(run, name, 0)
        run.since, run.until, run.started_at, run.updated_at = span.since, span.until, now, now
        run.starts, run.now_comparing = run.starts + 1, ""
        run.provider, run.is_whole, run.is_by_command = provider, is_whole, is_by_command
        run.save()
    return run


def _end(run_id: int, status: states.Reconciliation, *, problem: str = "") -> None:
    now = clock.now()
    with transaction():
        moved = ReconcileRun.objects.filter(pk=run_id, status__in=sources_of(states.RECONCILIATION_MOVES, status))
        if not moved.update(status=status, problem=problem[:300], finished_at=now, updated_at=now, now_comparing=""):
            return
        run = ReconcileRun.objects.get(pk=run_id)
        trail.record(
            actor=run.requested_by,
            action=f"reconcile.{status}",
            subject=run,
            found=run.found,
            differences_left=run.left,
        )


COUNTS = ("found", "left", "settled", "repaired", "without_case", "resolved", "older")


class _Recorder:
    """Writes what a run of all comparisons tells into its row: counts once a second, each difference at once.

    It passes each difference and the progress on, to whoever wants to print them.
    """

    def __init__(
        self,
        run: ReconcileRun,
        on_finding: OnFinding = lambda _finding: None,
        progress: Progress = lambda _label, _rows: None,
    ) -> None:
        self._run, self._rows, self._saved_at = run, 0, 0.0
        self._pass_on, self._show = on_finding, progress

    def listener(self) -> nightly.Listener:
        return nightly.Listener(
            planned=lambda comparisons: self._save(comparisons=comparisons),
            begun=lambda comparison: self._save(now_comparing=comparison.label),
            on_finding=self._add,
            progress=self._progress,
            compared=self._count,
            not_compared=self._add_not_compared,
        )

    def _add(self, finding: Finding) -> None:
        """Keeps those with a case, of which there are at most a thousand in a comparison (MOST_CASES)."""
        self._pass_on(finding)
        if finding.case is None:
            return
        result = ReconcileFinding.Result.SETTLED if finding.is_settled else ReconcileFinding.Result.LEFT
        ReconcileFinding.objects.create(
            run=self._run,
            case=finding.case,
            comparison=finding.comparison.label,
            kind=finding.difference.kind,
            words=words(finding.comparison, finding.difference)[:400],
            result=result,
            happened_at=dt.datetime.fromtimestamp(finding.difference.at_s, dt.UTC),
        )

    def _add_not_compared(self, label: str, reason: str) -> None:
        NotCompared.objects.create(run=self._run, comparison=label, reason=reason[:300])

    def _progress(self, label: str, rows: int) -> None:
        self._show(label, rows)
        self._rows += rows
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self._saved_at = time.monotonic()
            self._save(rows_listed=self._rows)

    def _count(self, report: Report) -> None:
        counted: dict[str, Any] = {name: F(name) + getattr(report, name) for name in COUNTS if name != "found"}
        self._save(
            compared=F("compared") + 1, found=F("found") + report.found.total(), rows_listed=self._rows, **counted
        )

    def _save(self, **values: Any) -> None:
        ReconcileRun.objects.filter(pk=self._run.pk).update(updated_at=clock.now(), **values)


@contextmanager
def _alone(run_id: int) -> Iterator[bool]:
    """Yields whether this session got the run; the lock ends with the session, whatever ends it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [_lock(run_id)])
        is_mine = bool(cursor.fetchone()[0])
    try:
        yield is_mine
    finally:
        if is_mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_lock(run_id)])


def _lock(run_id: int) -> str:
    return f"onecard.reconcile.run:{run_id}"
