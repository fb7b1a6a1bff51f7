"""The home page's chart of decision times: percentiles over time, against what the issuer waits."""

import math
from typing import Any, Final

from issuing.models import DecisionHour
from issuing.operations.hourly_sums import ISSUER_WAITS_MS, Percentiles, percentiles
from onecard.desk.home.periods import Slot

WIDTH: Final = 720
HEIGHT: Final = 160
# The scale is logarithmic: a usual answer takes some milliseconds, and the issuer waits two thousand.
LOWEST_MS: Final = 1
HIGHEST_MS: Final = 4000
LINES: Final = ("p50_ms", "p95_ms", "p99_ms")
MARKS_MS: Final = (1, 10, 100, 1000)


def section(slots: list[Slot]) -> dict[str, Any]:
    """Returns the percentiles of the whole period, and of each slot as lines and as a table."""
    hours = list(DecisionHour.objects.filter(hour_at__gte=slots[0].since, hour_at__lt=slots[-1].until))
    of_slots = [percentiles([hour for hour in hours if slot.since <= hour.hour_at < slot.until]) for slot in slots]
    return {
        "whole": percentiles(hours),
        "limit_ms": ISSUER_WAITS_MS,
        "limit_y": _y(ISSUER_WAITS_MS),
        "lines": [{"name": name[:3], "points": _points(of_slots, name)} for name in LINES],
        "dots": [dot for name in LINES for dot in _dots(of_slots, name)],
        "marks": [{"ms": ms, "y": _y(ms)} for ms in MARKS_MS],
        "table": [row for row in zip(slots, of_slots, strict=True) if row[1].decisions],
        "width": WIDTH,
        "height": HEIGHT,
    }


def _points(of_slots: list[Percentiles], name: str) -> str:
    return " ".join(f"{dot['x']},{dot['y']}" for dot in _dots(of_slots, name))


def _dots(of_slots: list[Percentiles], name: str) -> list[dict[str, Any]]:
    step = WIDTH / len(of_slots)
    return [
        {"x": round((number + 0.5) * step, 1), "y": _y(ms), "name": name[:3], "ms": ms}
        for number, each in enumerate(of_slots)
        if (ms := getattr(each, name)) is not None
    ]


def _y(ms: float) -> float:
    share = math.log(min(max(ms, LOWEST_MS), HIGHEST_MS) / LOWEST_MS) / math.log(HIGHEST_MS / LOWEST_MS)
    return round(HEIGHT - share * HEIGHT, 1)
