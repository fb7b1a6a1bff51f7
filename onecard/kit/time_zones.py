"""Time zones by their IANA names, read from the tzdata package, whatever this machine has.

Names change: US/Central is an old name of America/Chicago, and some systems no longer have it. A name is stored in its
present form, and an old stored name still works.
"""

import functools
import logging
import zoneinfo
from collections.abc import Mapping
from importlib import resources
from typing import Final

from onecard.kit.text import normalized

log = logging.getLogger(__name__)

UTC: Final = "UTC"


def use_shipped() -> None:
    """Makes this process read zones from the tzdata package only."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()


@functools.lru_cache(maxsize=4096)
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Returns the zone of an old or new name; for an unknown name UTC, which the log reports once a process.

    Limits then count UTC days: a wrong name declines no purchase. `manage.py check` lists such rows.
    """
    found = _found(name) or _found(canonical(name))
    if found is None:
        log.error("The time zone %r is not known, so UTC stands for it; see manage.py check.", name[:60])
    return found or zoneinfo.ZoneInfo(UTC)


def canonical(name: str) -> str:
    """Returns a zone's present name, from any case of letters; an unknown name is returned unchanged.

    A name that stands for a country's zone in zone.tab keeps its own name, even where another zone has the same clock.
    """
    name = _as_written().get(_plain(name), name)
    names, visited = _old_names(), {name}
    while name not in _countries_zones() and names.get(name, UTC) not in visited and name in names:
        name = names[name]
        visited.add(name)
    return UTC if name in _UTC_NAMES else name


def is_known(name: str) -> bool:
    """Returns whether the name, in its present form, is a zone's."""
    return canonical(name) in _available()


def names() -> list[str]:
    """Returns the zones to choose from, in alphabetical order: those of countries, and UTC."""
    return sorted({canonical(name) for name in _countries_zones()} | {UTC})


# Copies of zones on many systems, and the name on a machine without a zone.
_COPIES: Final = ("posix/", "right/")
_NO_PLACE: Final = "Factory"
_UTC_NAMES: Final = frozenset({"Etc/UTC", "Etc/UCT", "UCT", "Etc/Zulu", "Zulu", "Etc/Universal", "Universal"})


def _found(name: str) -> zoneinfo.ZoneInfo | None:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


@functools.cache
def _available() -> frozenset[str]:
    return frozenset(_lines("zones", "tzdata")) - {_NO_PLACE}


@functools.cache
def _as_written() -> Mapping[str, str]:
    """Maps each zone's plain form to its name; no two names differ only in case."""
    return {_plain(name): name for name in _available()}


def _plain(name: str) -> str:
    """Returns the name in lower case, without what systems and spreadsheets add to it."""
    text = normalized(name).replace(" ", "_")
    return next((text.removeprefix(copy) for copy in _COPIES if text.startswith(copy)), text).casefold()


@functools.cache
def _countries_zones() -> frozenset[str]:
    rows = (line.split("\t") for line in _lines("zone.tab") if not line.startswith("#"))
    return frozenset(row[2] for row in rows)


@functools.cache
def _old_names() -> Mapping[str, str]:
    """Maps each old name to its present one, from the links in tzdata.zi: `L America/Chicago US/Central`."""
    links = (line.split() for line in _lines("tzdata.zi") if line.startswith("L "))
    return {old: new for _link, new, old in links}


def _lines(name: str, package: str = "tzdata.zoneinfo") -> list[str]:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8").splitlines()
