"""The report's chart: a bar for each day, in shadow and active one above the other, drawn by the server as SVG."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from issuing.controls.report import Line
from onecard.kit.charts import Bar

WIDTH: Final = 720
HEIGHT: Final = 160
GAP: Final = 2
# A single hit among thousands must still be seen.
LEAST_HEIGHT: Final = 2.0
TOP: Final = 10


def draw(lines: Sequence[Line], days: Sequence[dt.date]) -> dict[str, Any]:
    """Returns the bars of these days, the oldest first."""
    by_day = {(each.day, each.in_shadow): each for each in lines}
    most = max((sum(_hits(by_day, day)) for day in days), default=0)
    step = WIDTH / max(1, len(days))
    bars = [
        bar
        for number, day in enumerate(days)
        for bar in _column(by_day, day, x=round(number * step + GAP / 2, 1), width=round(step - GAP, 1), most=most)
    ]
    return {"bars": bars, "most": most, "width": WIDTH, "height": HEIGHT}


def _column(by_day: dict[tuple[dt.date, bool], Line], day: dt.date, *, x: float, width: float, most: int) -> list[Bar]:
    top, found = float(HEIGHT), []
    for in_shadow, tone in ((False, "active"), (True, "shadow")):
        line = by_day.get((day, in_shadow))
        if line is None or not line.hits:
            continue
        height = round(max(LEAST_HEIGHT, line.hits / most * (HEIGHT - TOP)), 1)
        top = round(top - height, 1)
        found.append(Bar(x, top, width, height, tone, _title(line)))
    return found


def _hits(by_day: dict[tuple[dt.date, bool], Line], day: dt.date) -> list[int]:
    return [by_day[key].hits for key in ((day, True), (day, False)) if key in by_day]


def _title(line: Line) -> str:
    hits = ngettext("%(count)s hit", "%(count)s hits", line.hits) % {"count": f"{line.hits:,}"}
    where = _("in shadow") if line.in_shadow else _("active")
    day = formats.date_format(line.day, "DATE_FORMAT")
    return f"{day}, {where}: {hits}"
