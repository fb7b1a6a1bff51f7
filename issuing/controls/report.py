"""What a control's versions did: hits and amounts by day, in shadow and active, and what their cases were. Only reads.

Days are those of UTC. A hit's case is the card's suspicion of fraud that was open at that moment, or opened by it.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from issuing.models import ControlHit, ControlVersion
from onecard.kit import clock
from wallet.models import Case

DAY: Final = dt.timedelta(days=1)
# A list shows how often a control took effect; it counts no further than this.
MOST_COUNTED: Final = 10_000
MOST_EXAMPLES: Final = 20
# What follows from a hit is written soon after it.
SOON_S: Final = 60
CASES: Final = """
SELECT (h.hit_at AT TIME ZONE 'UTC')::date AS day, h.in_shadow, c.outcome, c.status, count(DISTINCT c.id)
FROM issuing_controlhit h
JOIN issuing_decision d ON d.id = h.decision_id
JOIN issuing_authorization a ON a.id = d.authorization_id
CROSS JOIN LATERAL (
    SELECT id, outcome, status FROM wallet_case WHERE id = h.case_id
    UNION ALL (
        SELECT id, outcome, status FROM wallet_case
        WHERE h.case_id IS NULL AND reference = 'virtualcard:' || a.card_id AND kind = %(kind)s
            AND opened_at <= h.hit_at + make_interval(secs => %(soon_s)s)
            AND (resolved_at IS NULL OR resolved_at >= h.hit_at)
        ORDER BY id DESC LIMIT 1)
) c
WHERE h.version_id = %(version)s AND h.hit_at >= %(since)s AND h.hit_at < %(until)s
GROUP BY 1, 2, 3, 4
"""

RECENT: Final = """
SELECT v.control_id, sum(today.hits), sum(week.hits)
FROM issuing_controlversion v
CROSS JOIN LATERAL (SELECT count(*) AS hits FROM (
    SELECT FROM issuing_controlhit WHERE version_id = v.id AND hit_at >= %(today)s LIMIT %(most)s) found) today
CROSS JOIN LATERAL (SELECT count(*) AS hits FROM (
    SELECT FROM issuing_controlhit WHERE version_id = v.id AND hit_at >= %(week)s LIMIT %(most)s) found) week
WHERE v.control_id = ANY(%(controls)s) AND v.state <> 'draft'
GROUP BY v.control_id
"""


@dataclass(slots=True)
class Line:
    """One day of one version, in shadow or active; amounts in minor units by currency, cases by what they were."""

    day: dt.date
    in_shadow: bool
    hits: int = 0
    amounts_minor: dict[str, int] = field(default_factory=dict)
    confirmed: int = 0
    false_positives: int = 0
    open_cases: int = 0

    @property
    def precision_percent(self) -> int | None:
        """Of the cases that somebody closed with an outcome, how many were fraud; None without one."""
        closed = self.confirmed + self.false_positives
        return round(100 * self.confirmed / closed) if closed else None


def of_version(version: ControlVersion, *, since: dt.datetime, until: dt.datetime) -> list[Line]:
    """Returns the days with a hit, the newest first."""
    lines: dict[tuple[dt.date, bool], Line] = {}

    def line(day: dt.date, in_shadow: bool) -> Line:  # noqa: FBT001  (the two parts of its key)
        return lines.setdefault((day, in_shadow), Line(day, in_shadow))

    rows = ControlHit.objects.filter(version=version, hit_at__gte=since, hit_at__lt=until).order_by()
    counted = rows.annotate(day=TruncDate("hit_at", tzinfo=dt.UTC)).values("day", "in_shadow", "currency")
    for row in counted.annotate(hits=Count("pk"), total_minor=Sum("amount_minor")):
        found = line(row["day"], row["in_shadow"])
        found.hits += row["hits"]
        found.amounts_minor[row["currency"]] = row["total_minor"]
    for day, in_shadow, outcome, status, cases in _cases(version, since, until):
        _add_cases(line(day, in_shadow), outcome, status, cases)
    return sorted(lines.values(), key=lambda each: (each.day, each.in_shadow), reverse=True)


def total(lines: Iterable[Line], *, in_shadow: bool) -> Line:
    """Returns all days of one kind together; a case that was open on two of them counts on both."""
    found = Line(clock.now().date(), in_shadow)
    amounts: defaultdict[str, int] = defaultdict(int)
    for each in lines:
        if each.in_shadow != in_shadow:
            continue
        found.hits += each.hits
        found.confirmed += each.confirmed
        found.false_positives += each.false_positives
        found.open_cases += each.open_cases
        for currency, minor in each.amounts_minor.items():
            amounts[currency] += minor
    found.amounts_minor = dict(amounts)
    return found


def examples(version: ControlVersion, *, since: dt.datetime, until: dt.datetime) -> list[ControlHit]:
    """Returns the newest hits with their purchases."""
    rows = ControlHit.objects.filter(version=version, hit_at__gte=since, hit_at__lt=until)
    newest = rows.select_related("decision__authorization").order_by("-hit_at")
    return list(newest[:MOST_EXAMPLES])


def recent_hits(controls: Sequence[int], *, today: dt.datetime, week: dt.datetime) -> dict[int, tuple[int, int]]:
    """Counts each control's hits since two moments, by the index; of one version no further than MOST_COUNTED."""
    with connection.cursor() as cursor:
        cursor.execute(RECENT, {"controls": list(controls), "today": today, "week": week, "most": MOST_COUNTED})
        return {control: (int(of_today), int(of_week)) for control, of_today, of_week in cursor.fetchall()}


def _cases(version: ControlVersion, since: dt.datetime, until: dt.datetime) -> list[tuple[Any, ...]]:
    values: dict[str, Any] = {
        "version": version.pk,
        "since": since,
        "until": until,
        "kind": Case.Kind.SUSPECTED_FRAUD,
        "soon_s": SOON_S,
    }
    with connection.cursor() as cursor:
        cursor.execute(CASES, values)
        return list(cursor.fetchall())


def _add_cases(line: Line, outcome: str, status: str, cases: int) -> None:
    if outcome == Case.Outcome.FRAUD:
        line.confirmed += cases
    elif outcome == Case.Outcome.FALSE_POSITIVE:
        line.false_positives += cases
    elif status == Case.Status.OPEN:
        line.open_cases += cases
