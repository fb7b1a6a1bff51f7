"""Two made-up worlds of shops: one that the engine was tuned on, and one that it was not.

They differ in shops, tickets, how much households differ, seasons and shares, so that what holds in both is not learnt
by heart. Neither is the population of routing/value/population.py. Each is a table in a text file beside this one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Shop(NamedTuple):
    """Where something is bought; `share` is of its need."""

    mcc: str
    name: str
    channel: str
    share: float


@dataclass(slots=True)
class Need:
    """What a household buys: dollars a month, purchases a month, and where. A bill comes on one day of each month."""

    monthly: float
    times: float
    # The share of households that buy this at all.
    share: float
    shops: tuple[Shop, ...]
    bill: bool = False
    peaks: tuple[int, ...] = ()
    peak: float = 1.0
    abroad: float = 0.0


@dataclass(frozen=True, slots=True)
class World:
    """A set of needs, how much incomes, single needs and tickets differ (log-normal), and who activates quarters."""

    name: str
    needs: dict[str, Need]
    income_spread: float
    need_spread: float
    ticket_spread: float
    activates: float
    cards: tuple[int, int] = (2, 8)


def _read_needs(name: str) -> dict[str, Need]:
    lines = (Path(__file__).parent / f"{name}.txt").read_text("utf-8").splitlines()
    return dict(_read_need(line) for line in lines if not line.startswith("#"))


def _read_need(line: str) -> tuple[str, Need]:
    name, monthly, times, share, notes, shops = (part.strip() for part in line.split("|"))
    need = Need(float(monthly), float(times), float(share), tuple(_read_shop(shop) for shop in shops.split(";")))
    for note in filter(None, (note.strip() for note in notes.split(","))):
        match note.split():
            case ["bill"]:
                need.bill = True
            case ["abroad", part]:
                need.abroad = float(part)
            case ["peaks", *months, factor]:
                need.peaks, need.peak = tuple(map(int, months)), float(factor.removeprefix("x"))
            case _:
                raise ValueError(f"{note!r} is no note of a need.")
    return name, need


def _read_shop(text: str) -> Shop:
    place, channel, share = (part.strip() for part in text.rsplit(",", 2))
    mcc, _, name = place.partition(" ")
    return Shop(mcc, name, channel, float(share))


WORLDS = {
    "tuned": World("home town", _read_needs("home_town"), 0.4, 0.5, 0.55, 0.75),
    "held-out": World("far coast", _read_needs("far_coast"), 0.6, 0.8, 0.8, 0.55),
}
