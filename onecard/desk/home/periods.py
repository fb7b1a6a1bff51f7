"""The periods of the home page's charts, cut into slots of whole hours (UTC)."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy

from onecard.kit import clock

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

HOUR: Final = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """From its first moment, included, to its last, excluded."""

    since: dt.datetime
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class Period:
    """A choice of the home page; `slot_hours` is the width of a bar."""

    name: str
    label: "StrOrPromise"
    slot_hours: int
    slots: int

    def slots_until_now(self) -> list[Slot]:
        """Returns the slots, the oldest first; the last one is under way."""
        width = HOUR * self.slot_hours
        hour = clock.now().replace(minute=0, second=0, microsecond=0)
        end = hour.replace(hour=hour.hour - hour.hour % self.slot_hours) + width
        return [Slot(end - width * (number + 1), end - width * number) for number in reversed(range(self.slots))]


PERIODS: Final[dict[str, Period]] = {
    each.name: each
    for each in (
        Period("day", gettext_lazy("24 hours"), 1, 24),
        Period("week", gettext_lazy("7 days"), 6, 28),
        Period("month", gettext_lazy("30 days"), 24, 30),
    )
}


def chosen(name: str | None) -> Period:
    """Returns the period of this name; the last 24 hours for any other name."""
    return PERIODS.get(name or "", PERIODS["day"])
