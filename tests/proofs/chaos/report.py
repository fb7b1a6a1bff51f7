"""What a run shows: every answer by outcome and time, who recovered when, and which invariants hold."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from tests.proofs.chaos.invariants import Broken, Invariant
from tests.proofs.chaos.load import Seen
from tests.proofs.chaos.plan import Fault
from tests.proofs.chaos.recovery import PURCHASES, Recovery
from tests.proofs.chaos.said import Answer
from tests.proofs.purchases.quiet import Mending

# Put again while the database could not be asked, a question gets a decline that names no decision.
UNREAD: Final = """
SELECT count(*) FROM chaos.answer s JOIN chaos.answer later USING (provider, event)
WHERE NOT s.repeat AND later.repeat AND s.approved AND NOT later.approved
"""
DOUBTED: Final = "SELECT count(DISTINCT subject_id) FROM audit_entry WHERE action = 'charge.unknown'"
COUNTED: Final = {
    "purchases": "SELECT count(*) FROM issuing_authorization",
    "decisions": "SELECT count(*) FROM issuing_decision",
    "approved by stand-in": "SELECT count(*) FROM issuing_decision WHERE approved AND rule = 'stand_in'",
    "declined by stand-in": "SELECT count(*) FROM issuing_decision WHERE decline_reason LIKE 'stand\\_in%'",
    "approvals taken back": "SELECT count(*) FROM issuing_decision WHERE corrects_id IS NOT NULL",
    "approved, and declined unread when put again": UNREAD,
    "movements": "SELECT count(*) FROM issuing_cardtransaction",
    "charges": "SELECT count(*) FROM wallet_fundingcharge",
    "charges that nobody knew the end of for a while": DOUBTED,
    "calls to the processor that got an old answer": "SELECT count(*) FROM chaos.call WHERE replayed",
    "refunds": "SELECT count(*) FROM wallet_fundingrefund",
    "postings": "SELECT count(*) FROM wallet_posting",
    "numbers and codes that are sealed": "SELECT count(*) FROM chaos.sealed",
    "messages": "SELECT count(*) FROM outbox_message",
}
CASES: Final = "SELECT kind, count(*) FROM wallet_case WHERE status = 'open' GROUP BY kind ORDER BY kind"
OUTCOMES: Final = ("approved", "declined", "late", "refused")
# On a busy machine a process, or nginx, or the issuer's own thread, may not run for a second. A healthy one has none.
MOST_UNANSWERED: Final = 0.005
WIDE, NARROW = 21, 9


@dataclass(frozen=True, slots=True)
class Met:
    """A fault as it was: the process that had it, its time in seconds since 1970, and what recovered when."""

    fault: Fault
    process: str
    begun_at: float
    ended_at: float
    recovery: Recovery

    @property
    def felt_until(self) -> float:
        """When purchases were approved again at both issuers."""
        found = [seconds for name, seconds in self.recovery.seconds.items() if name.startswith(PURCHASES)]
        return self.ended_at + max((self.recovery.within_s if each is None else each for each in found), default=0.0)


@dataclass(slots=True, kw_only=True)
class Report:
    """What happened, and what is wrong in the end."""

    seen: Seen
    met: list[Met]
    answers: list[Answer]
    mending: Mending
    came_to_rest: bool
    invariants: list[Invariant]
    broken: list[Broken]
    rows: dict[str, int]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        """Each reason why the run proves nothing good, in a sentence."""
        return [
            *(f"{each.process} {each.fault.kind}: {name} did not recover in {each.recovery.within_s:.0f} s"
              for each in self.met for name in each.recovery.failed),
            *(f"{each.count} rows break {each.invariant.name}" for each in self.broken),
            *(f"the task {name} failed {times} times" for name, times in self.mending.task_failures.items()),
            *(["what was under way did not come to rest by itself"] if not self.came_to_rest else []),
            *_unanswered(self.answers),
            *(["nothing was approved"] if not any(each.approved for each in self.answers) else []),
        ]  # fmt: skip


def unanswered(answers: Iterable[Answer]) -> list[Answer]:
    """Returns the questions that had no answer in time though the issuer could reach us and hear us."""
    return [each for each in answers if not each.repeat and not each.hidden and each.approved is None]


def _unanswered(answers: list[Answer]) -> Iterator[str]:
    asked = sum(not each.repeat and not each.hidden for each in answers)
    found = Counter(f"{each.outcome} during {each.fault or 'no fault'}" for each in unanswered(answers))
    if found.total() > asked * MOST_UNANSWERED:
        named = ", ".join(f"{times} {name}" for name, times in sorted(found.items()))
        yield f"{found.total()} of {asked} questions that could reach us had no answer in time: {named}"


def count_rows(link: psycopg.Connection[Any]) -> dict[str, int]:
    """Returns how many rows of each kind there are in the end, and the open cases by kind."""
    counted = {name: int(_first(link, sql)) for name, sql in COUNTED.items()}
    return counted | {f"case {kind}": count for kind, count in link.execute(CASES)}


def lines(report: Report) -> Iterator[str]:
    """Returns the whole report, line by line."""
    yield ""
    yield from _answers(report.answers)
    yield ""
    yield from _recoveries(report.met)
    yield ""
    yield from _counts(report)
    yield ""
    yield from _invariants(report)


def percentile(times: Sequence[float], share: float) -> float:
    """Returns the time that this share of all is not above (nearest rank); nan of none."""
    return sorted(times)[max(0, math.ceil(len(times) * share) - 1)] if times else math.nan


def _answers(answers: list[Answer]) -> Iterator[str]:
    head = [*OUTCOMES, "other", "p50 ms", "p95 ms", "p99 ms", "max ms"]
    yield f"{'questions asked during':<{WIDE}}{'asked':>{NARROW}}" + "".join(f"{name:>{NARROW}}" for name in head)
    first = [each for each in answers if not each.repeat]
    yield _answer_row("all", first)
    yield _answer_row("put again", [each for each in answers if each.repeat])
    yield _answer_row("no fault", [each for each in first if not each.fault])
    for fault in sorted({each.fault for each in first} - {""}):
        yield _answer_row(fault, [each for each in first if each.fault == fault])
    yield "  A fault lasts here until purchases are approved again at both issuers. late: no answer within the issuer's"
    yield "  2 s, so it declines; refused: no connection. The times are of answers."
    seen = [each for each in first if not each.hidden]
    yield f"  Of {len(seen)} questions that could reach us {len(unanswered(answers))} had no answer in time."


def _answer_row(name: str, answers: list[Answer]) -> str:
    outcomes = Counter(each.outcome for each in answers)
    times = [each.ms for each in answers if each.approved is not None]
    counts = [len(answers), *(outcomes[outcome] for outcome in OUTCOMES)]
    other = outcomes.total() - sum(counts[1:])
    spread = [percentile(times, share) for share in (0.5, 0.95, 0.99, 1.0)]
    numbers = [*map(str, (*counts, other)), *("-" if math.isnan(each) else f"{each:.0f}" for each in spread)]
    return f"{name:<{WIDE}}" + "".join(f"{number:>{NARROW}}" for number in numbers)


def _recoveries(met: list[Met]) -> Iterator[str]:
    names = list(dict.fromkeys(name for each in met for name in each.recovery.seconds))
    shown = [name.replace(PURCHASES, "buy ") for name in names]
    yield f"{'s after the end of':<{WIDE}}{'fault s':>{NARROW}}" + "".join(f"{name:>12}" for name in shown)
    for each in met:
        found = [each.recovery.seconds.get(name) for name in names]
        words = "".join(f"{'NEVER' if one is None else f'{one:.1f}':>12}" for one in found)
        name = f"{each.process} {each.fault.kind}"
        yield f"{name:<{WIDE}}{each.ended_at - each.begun_at:>{NARROW}.1f}{words}"


def _counts(report: Report) -> Iterator[str]:
    seen, mending = report.seen, report.mending
    rows: dict[str, object] = {
        "purchases begun to their end": seen.lives.total(),
        "of these declined": seen.declined,
        "behind the asked rate, at most": f"{seen.behind_s:.1f} s",
        **{f"step refused by the sandbox: {said}": times for said, times in sorted(seen.refused.items())},
        **report.rows,
        **{f"found with the issuers: {kind}": times for kind, times in sorted(mending.healed.items())},
        **{what: f"{seconds:.0f} s" for what, seconds in report.seconds.items()},
    }
    return (f"{name:<60} {value}" for name, value in rows.items())


def _invariants(report: Report) -> Iterator[str]:
    found = {each.invariant: each for each in report.broken}
    for each in report.invariants:
        bad = found.get(each)
        yield f"{'BROKEN' if bad else 'holds':<7} {each.name}"
        if bad:
            yield from (f"          {row}" for row in _some(bad))
    yield f"{len(report.invariants) - len(found)} of {len(report.invariants)} invariants hold."
    yield from (f"WRONG: {sentence}" for sentence in report.wrong)


def _some(bad: Broken) -> Iterable[str]:
    yield f"{bad.count} rows, such as"
    yield from (", ".join(map(str, row)) for row in bad.first)


def _first(link: psycopg.Connection[Any], sql: str) -> Any:
    row = link.execute(sql.encode()).fetchone()
    return row[0] if row else 0
