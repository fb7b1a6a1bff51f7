"""Charts that the server draws as SVG. Colours come from the page's style sheet, by the tone of a bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Wide enough for a phone; on a wider screen the chart is drawn larger.
WIDTH: Final = 360
ROW: Final = 44
BAR: Final = 14
# A small sum among large ones must still be seen.
LEAST: Final = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of an SVG, with the words for a pointer that rests on it."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a chart: what it is of, the number, the number in words, and the tone of its bar."""

    label: str
    number: int
    words: str
    tone: str = "info"


@dataclass(frozen=True, slots=True)
class Row:
    """A value as it is drawn: its words at `text_y`, its bar below them; no bar for zero and less."""

    value: Value
    text_y: float
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class BarChart:
    """Horizontal bars, one below the other, all on one scale."""

    title: str
    description: str
    rows: tuple[Row, ...]
    width: int
    height: int


def bar_chart(title: str, description: str, values: Sequence[Value]) -> BarChart:
    """Returns a chart of values, the longest bar as wide as the chart. `description` says what a reader cannot see."""
    most = max((each.number for each in values), default=0)
    rows = tuple(_row(place * ROW, each, most) for place, each in enumerate(values))
    return BarChart(title, description, rows, WIDTH, ROW * len(rows))


def _row(top: int, value: Value, most: int) -> Row:
    bar = None
    if value.number > 0:
        width = max(LEAST, round(value.number / most * WIDTH, 1))
        bar = Bar(0, top + 22, width, BAR, value.tone, f"{value.label}: {value.words}")
    return Row(value, top + 15, bar)
