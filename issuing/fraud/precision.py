"""How hooks do: how often each was asked and what came of it, and how often it was right, by what staff found out."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate

from issuing.models import ControlHit, FraudVerdict, HookHour
from issuing.states import FLAGGED, HookOutcome
from wallet.models import Case


@dataclass(slots=True)
class Record:
    """A hook's record over some time. Cases count once for each hook that had a part in them."""

    hook: str
    day: dt.date | None
    calls: int = 0
    late: int = 0
    raised: int = 0
    invalid: int = 0
    not_asked: int = 0
    flags: int = 0
    declines: int = 0
    took_us: int = 0
    fraud: int = 0
    false_positives: int = 0
    undecided: int = 0

    @property
    def precision(self) -> float | None:
        """The share of its decided cases that were fraud, from 0 to 1; None without one."""
        decided = self.fraud + self.false_positives
        return self.fraud / decided if decided else None

    @property
    def mean_us(self) -> float | None:
        """The microseconds of a call that was made, on average."""
        asked = self.calls - self.not_asked
        return self.took_us / asked if asked else None


# Which number of a record an outcome belongs to, beside its calls; a decline that was not followed flags.
COUNTS: dict[str, str] = {
    HookOutcome.FLAG: "flags",
    HookOutcome.WOULD_DECLINE: "flags",
    HookOutcome.DECLINE: "declines",
    HookOutcome.LATE: "late",
    HookOutcome.RAISED: "raised",
    HookOutcome.INVALID: "invalid",
    HookOutcome.OPEN: "not_asked",
    HookOutcome.BUSY: "not_asked",
}
CASES: dict[str, str] = {"": "undecided", Case.Outcome.FRAUD: "fraud", Case.Outcome.FALSE_POSITIVE: "false_positives"}


def of_period(*, since: dt.datetime, until: dt.datetime) -> list[Record]:
    """Returns a record for each hook, by name; calls are up to some minutes old (issuing/operations/hourly_sums.py)."""
    return _records({}, since=since, until=until)


def by_day(hook: str, *, since: dt.datetime, until: dt.datetime) -> list[Record]:
    """Returns a hook's record of each day (UTC) on which something is known of it, the newest first."""
    return sorted(_records({"hook": hook}, since=since, until=until, days=True), key=_day, reverse=True)


def of_controls(*, since: dt.datetime, until: dt.datetime, versions: Collection[int]) -> dict[int, Record]:
    """Returns the record of what these versions of controls flagged, by their keys: flags, and what the cases were."""
    records = {key: Record(str(key), None) for key in versions}
    hits = ControlHit.objects.filter(
        version__in=versions, hit_at__gte=since, hit_at__lt=until, action="flag", in_shadow=False
    )
    counted: Any = hits.annotate(found=F("case__outcome")).order_by().values("version", "found")
    for row in counted.annotate(hits=Count("pk"), cases=Count("case", distinct=True)):
        record = records[row["version"]]
        record.flags += row["hits"]
        _add(record, CASES.get(row["found"] or ""), row["cases"])
    return records


def _records(which: dict[str, str], *, since: dt.datetime, until: dt.datetime, days: bool = False) -> list[Record]:
    records: dict[tuple[str, dt.date | None], Record] = {}
    hours = HookHour.objects.filter(hour_at__gte=since, hour_at__lt=until, **which)
    names: tuple[str, ...] = ("day", "hook") if days else ("hook",)
    counted: Any = hours.annotate(day=TruncDate("hour_at", tzinfo=dt.UTC)).order_by().values(*names, "outcome")
    for row in counted.annotate(count=Sum("calls"), us=Sum("took_us")):
        record = _of(records, row)
        record.calls += row["count"]
        record.took_us += row["us"]
        _add(record, COUNTS.get(row["outcome"]), row["count"])
    said = FraudVerdict.objects.filter(decided_at__gte=since, decided_at__lt=until, outcome__in=FLAGGED, **which)
    with_cases: Any = said.annotate(day=TruncDate("decided_at", tzinfo=dt.UTC), found=F("case__outcome")).order_by()
    for row in with_cases.values(*names, "found").annotate(count=Count("case", distinct=True)):
        _add(_of(records, row), CASES.get(row["found"] or ""), row["count"])
    return [records[key] for key in sorted(records, key=str)]


def _of(records: dict[tuple[str, dt.date | None], Record], row: dict[str, Any]) -> Record:
    key = row["hook"], row.get("day")
    return records.setdefault(key, Record(*key))


def _add(record: Record, name: str | None, count: int) -> None:
    if name:
        setattr(record, name, getattr(record, name) + count)


def _day(record: Record) -> dt.date:
    assert record.day is not None, "records by day have one"  # noqa: S101
    return record.day
