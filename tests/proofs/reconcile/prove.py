"""Reconciling a made-up month with planted differences: are exactly those found, how fast, and in how much memory?"""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from issuing.reconcile.comparisons import of_books, of_issuer, of_processor
from issuing.reconcile.run import Finding, reconcile
from issuing.reconcile.window import window
from tests.proofs.reconcile.our_books import make_books
from tests.proofs.reconcile.plan import Expected, make_plan
from tests.proofs.reconcile.their_lists import ManyLists


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of it; `busy_s` is this process's processor time; `peak_mb` its highest memory, in 2**20 bytes."""

    expected: int
    missed: frozenset[Expected]
    unplanned: frozenset[Expected]
    told: int
    rows_listed: int
    made_in_s: float
    seconds: float
    busy_s: float
    peak_mb: float
    seconds_of: dict[str, float]

    @property
    def is_exact(self) -> bool:
        """Every planted difference was found once, under its class, and nothing else."""
        return not self.missed and not self.unplanned and self.told == self.expected


def prove(*, rows: int, planted: int, seed: int, progress: Callable[[str, int], object]) -> Proof:
    """Fills an empty database and reconciles it. Raises ValueError for more differences than there are purchases."""
    plan = make_plan(rows=rows, planted=planted, seed=seed)
    begun = time.monotonic()
    make_books(plan)
    made, busy, lists = time.monotonic(), time.process_time(), ManyLists(plan)
    found: list[Expected] = []
    since: dict[str, float] = {}

    def follow(label: str, count: int) -> None:
        since.setdefault(label, time.monotonic())
        progress(label, count)

    def on_finding(finding: Finding) -> None:
        found.append((finding.comparison.label, finding.difference.kind, finding.difference.key))

    comparisons = [*of_issuer("stripe", lists), *of_processor(lists), *of_books()]
    report = reconcile(comparisons, window(), on_finding=on_finding, progress=follow)
    ended, expected = time.monotonic(), plan.expected()
    starts = [*since.values(), ended]
    return Proof(
        expected=len(expected),
        missed=frozenset(expected - set(found)),
        unplanned=frozenset(set(found) - expected),
        told=len(found),
        rows_listed=report.rows,
        made_in_s=made - begun,
        seconds=ended - made,
        busy_s=time.process_time() - busy,
        peak_mb=_peak_mb(),
        seconds_of={label: starts[n + 1] - starts[n] for n, label in enumerate(since)},
    )


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
