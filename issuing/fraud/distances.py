"""How far two countries are from each other at the least, as far as a rule against fraud has to know.

The time zone database, which is in the public domain, gives a main town for each zone of each country (zone.tab). The
nearest two towns of two countries are taken, and NEARER_KM less, since a border may be that much nearer than a town.
So neighbours are at no distance, and the figure is seldom more than the true way. Within one country nothing is known:
issuers send names of towns and postal codes, but no place on the map.
"""

import functools
import importlib.resources
import math
import re
from typing import Final

NEARER_KM: Final = 1000
EARTH_KM: Final = 6371.0
# Signs, degrees, minutes and maybe seconds of latitude and longitude, as in -3436-05827.
_PLACE: Final = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?([+-])(\d\d\d)(\d\d)(\d\d)?")
Point = tuple[float, float]


@functools.lru_cache(maxsize=4096)
def least_km(country: str, other: str) -> float | None:
    """Returns the least distance of two countries in km, 0 for neighbours; None where one of them is not known."""
    here, there = _towns().get(country, ()), _towns().get(other, ())
    if not here or not there:
        return None
    nearest = min(_km(one, another) for one in here for another in there)
    return max(0.0, nearest - NEARER_KM)


@functools.cache
def _towns() -> dict[str, tuple[Point, ...]]:
    found: dict[str, list[Point]] = {}
    table = importlib.resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, place, *_ = line.split("\t")
            found.setdefault(country, []).append(_point(place))
    return {country: tuple(points) for country, points in found.items()}


def _point(text: str) -> Point:
    match = _PLACE.fullmatch(text)
    assert match is not None, f"zone.tab has a place that is none: {text}"  # noqa: S101
    north, *latitude = match.groups(default="0")[:4]
    east, *longitude = match.groups(default="0")[4:]
    return _radians(north, latitude), _radians(east, longitude)


def _radians(sign: str, parts: list[str]) -> float:
    degrees, minutes, seconds = map(int, parts)
    return math.radians((1 if sign == "+" else -1) * (degrees + minutes / 60 + seconds / 3600))


def _km(one: Point, another: Point) -> float:
    """Returns the way along the earth's surface, by the haversine formula."""
    (north, east), (other_north, other_east) = one, another
    half = math.sin((other_north - north) / 2) ** 2
    half += math.cos(north) * math.cos(other_north) * math.sin((other_east - east) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))
