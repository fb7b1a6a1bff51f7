"""Counts purchases by outcome and reason, decisions by their time, and what came of fraud hooks, hour by hour.

The charts of the home page and the page of the fraud hooks read them.

Purchases change after their hour, so an hour is counted again when it is twice as old as it was at its last count: it
takes about sixteen counts until it is 35 days old, and a change shows after a part of the hour's age.

The hour that runs is counted as a whole whenever the clock asks, which costs more with each purchase. So after a count
that took long it rests for so much longer, and counting takes a twentieth of one worker at most.
"""

import datetime as dt
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import cache
from django.db import connection
from django.db.models import Max

from issuing.models import DecisionHour, HookHour, PurchaseHour
from onecard.kit import clock
from onecard.kit.transactions import transaction, try_lock_name

HOUR: Final = dt.timedelta(hours=1)
# The longest period of a chart, with some days more.
KEPT_UP_TO_DATE: Final = dt.timedelta(days=35)
# Of the hours that are due; the newest first, so that a new deployment has its charts of today at once.
MOST_HOURS_AT_ONCE: Final = 48
# What the clock's interval of 15 s hides needs no rest; after a longer count so many times its length is rested.
SHORT_S: Final = 0.75
RESTS: Final = 19
TOOK: Final = "hourly_sums.took_s"
# The issuer answers in our place after this (docs/issuers/stripe.md, Real-time authorizations).
ISSUER_WAITS_MS: Final = 2000
# The reason of a decline of the issuer that says none.
UNKNOWN_REASON: Final = "unknown"
# A percentile from the buckets is at most this much too high: 5 %.
BUCKET_RATIO: Final = 1.05

PURCHASES: Final = """
SELECT a.provider, a.currency,
    CASE WHEN a.status <> 'declined' THEN 'approved' WHEN coalesce(d.decline_reason, '') <> '' THEN 'declined'
        ELSE 'declined_by_issuer' END AS outcome,
    CASE WHEN a.status <> 'declined' THEN ''
        ELSE coalesce(nullif(d.decline_reason, ''), nullif(a.issuer_reason, ''), %(unknown)s) END AS reason,
    count(*),
    sum(coalesce(nullif(a.approved_minor, 0), d.amount_minor, a.declined_minor))::bigint
FROM issuing_authorization a
LEFT JOIN LATERAL (
    SELECT decline_reason, amount_minor FROM issuing_decision WHERE authorization_id = a.id ORDER BY id DESC LIMIT 1
) d ON true
WHERE a.created_at >= %(since)s AND a.created_at < %(until)s
GROUP BY 1, 2, 3, 4
"""
# An answer that was written afterwards, for a purchase approved without us, has no times.
DECISION_TIMES: Final = """
SELECT ceil(ln(greatest(took.ms, 1)) / ln(%(ratio)s))::integer AS bucket, count(*),
    count(*) FILTER (WHERE took.ms > %(limit_ms)s)
FROM issuing_authorization a
JOIN issuing_decision d ON d.authorization_id = a.id
CROSS JOIN LATERAL (
    SELECT sum(value::text::numeric) AS ms FROM jsonb_each(d.timings_ms) WHERE jsonb_typeof(value) = 'number'
) took
WHERE a.created_at >= %(since)s AND a.created_at < %(until)s AND took.ms IS NOT NULL
GROUP BY 1
"""
# A decision's trace holds what came of each fraud hook, and its milliseconds (issuing/fraud/asking.py).
HOOKS: Final = """
SELECT said.hook, said.verdict->>0, count(*), sum((said.verdict->>1)::numeric * 1000)::bigint
FROM issuing_authorization a
JOIN issuing_decision d ON d.authorization_id = a.id
CROSS JOIN LATERAL jsonb_each(d.trace->'fraud') AS said (hook, verdict)
WHERE a.created_at >= %(since)s AND a.created_at < %(until)s
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Milliseconds of our answers, each at most 5 % too high; None without an answer. `late` is after the issuer's."""

    decisions: int
    late: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None


def refresh() -> list[dt.datetime]:
    """Counts the hours that are due, one transaction each, and returns them; [] while another worker counts."""
    return [hour_at for hour_at in due_hours(clock.now()) if _count(hour_at)]


def due_hours(now: dt.datetime) -> list[dt.datetime]:
    """Returns the hours to count, the newest first: this one, those never counted, and those twice as old."""
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    counted = dict(
        DecisionHour.objects.filter(hour_at__gt=this_hour - KEPT_UP_TO_DATE).values_list("hour_at", "counted_at")
    )
    first = 1 if _rests(counted.get(this_hour), now) else 0
    hours = (this_hour - HOUR * number for number in range(first, int(KEPT_UP_TO_DATE / HOUR)))
    return [hour_at for hour_at in hours if _is_due(hour_at, counted.get(hour_at), now)][:MOST_HOURS_AT_ONCE]


def counted_until() -> dt.datetime | None:
    """Returns when the newest hour was counted last."""
    newest: dt.datetime | None = DecisionHour.objects.aggregate(at=Max("counted_at"))["at"]
    return newest


def percentiles(hours: Iterable[DecisionHour]) -> Percentiles:
    """Returns the percentiles of some hours together."""
    buckets: dict[int, int] = {}
    decisions = late = 0
    for hour in hours:
        decisions, late = decisions + hour.decisions, late + hour.late
        for bucket, count in hour.buckets.items():
            buckets[int(bucket)] = buckets.get(int(bucket), 0) + count
    return Percentiles(decisions, late, *(_percentile(buckets, decisions, share) for share in (0.5, 0.95, 0.99)))


def _percentile(buckets: dict[int, int], decisions: int, share: float) -> int | None:
    so_far = 0
    for bucket in sorted(buckets):
        so_far += buckets[bucket]
        if so_far >= share * decisions:
            return math.ceil(BUCKET_RATIO**bucket)
    return None


def _is_due(hour_at: dt.datetime, counted_at: dt.datetime | None, now: dt.datetime) -> bool:
    if counted_at is None:
        return True
    end = hour_at + HOUR
    return now - end >= 2 * (counted_at - end)


def _rests(counted_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Returns whether the running hour was counted a moment ago, and took long. A lost note costs one more count."""
    took_s = float(cache.get(TOOK) or 0)
    return counted_at is not None and took_s > SHORT_S and (now - counted_at).total_seconds() < RESTS * took_s


def _count(hour_at: dt.datetime) -> bool:
    """Counts an hour and replaces its rows; False while another worker does."""
    began = time.monotonic()
    if not _replace(hour_at):
        return False
    if clock.now() - hour_at < HOUR:
        cache.set(TOOK, time.monotonic() - began, timeout=HOUR.total_seconds())
    return True


def _replace(hour_at: dt.datetime) -> bool:
    with transaction():
        if not try_lock_name("onecard.hourly_sums"):
            return False
        counted_at = clock.now()
        span = {"since": hour_at, "until": hour_at + HOUR, "unknown": UNKNOWN_REASON}
        sums = [PurchaseHour(hour_at=hour_at, **_as_columns(row)) for row in _rows(PURCHASES, span)]
        PurchaseHour.objects.filter(hour_at=hour_at).delete()
        PurchaseHour.objects.bulk_create(sums)
        asked = [HookHour(hour_at=hour_at, **_of_hook(row)) for row in _rows(HOOKS, span)]
        HookHour.objects.filter(hour_at=hour_at).delete()
        HookHour.objects.bulk_create(asked)
        times = _rows(DECISION_TIMES, {**span, "ratio": BUCKET_RATIO, "limit_ms": ISSUER_WAITS_MS})
        DecisionHour.objects.update_or_create(
            hour_at=hour_at,
            defaults={
                "decisions": sum(count for _bucket, count, _late in times),
                "late": sum(late for _bucket, _count, late in times),
                "buckets": {str(bucket): count for bucket, count, _late in times},
                "counted_at": counted_at,
            },
        )
    return True


def _as_columns(row: tuple[Any, ...]) -> dict[str, Any]:
    names = ("provider", "currency", "outcome", "reason", "purchases", "amount_minor")
    return dict(zip(names, row, strict=True))


def _of_hook(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("hook", "outcome", "calls", "took_us"), row, strict=True))


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
