"""Time zones by their IANA names, read from the tzdata package: what this machine has of them does not matter.

Names change: US/Central is an old name of America/Chicago, and some systems no longer have it. A name is stored in its
present form, and an old one that is stored already goes on to work.
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
    """From now on this process reads zones from the tzdata package only."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()


@functools.lru_cache(maxsize=4096)
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The zone of a name, old or new. Of a name that means nothing it is UTC, and the log says so once a process.

    Limits then count UTC days: a purchase is not declined because of a wrong name. `manage.py check` lists such rows.
    """
    found = _found(name) or _found(canonical(name))
    if found is None:
        log.error("The time zone %r is not known, so UTC stands for it; see manage.py check.", name[:60])
    return found or zoneinfo.ZoneInfo(UTC)


def canonical(name: str) -> str:
    """The present form of a zone's name, in whichever letters it is written; a name that is not known stays as it is.

    A name that stands for a country's zone in zone.tab is one of its own, even where another has the same clock.
    """
    name = _as_written().get(_plain(name), name)
    names, seen = _old_names(), {name}
    while name not in _countries_zones() and names.get(name, UTC) not in seen and name in names:
        name = names[name]
        seen.add(name)
    return UTC if name in _UTC_NAMES else name


def is_known(name: str) -> bool:
    """Whether the name, in its present form, is one of a zone."""
    return canonical(name) in _available()


# Copies of the same zones on many systems, and what a machine says whose zone nobody has set.
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
    """Each zone's name by its plain form; no two differ in their letters' case alone."""
    return {_plain(name): name for name in _available()}


def _plain(name: str) -> str:
    """The name without its letters' case, and without what systems and spreadsheets add to it."""
    text = normalized(name).replace(" ", "_")
    return next((text.removeprefix(copy) for copy in _COPIES if text.startswith(copy)), text).casefold()


@functools.cache
def _countries_zones() -> frozenset[str]:
    rows = (line.split("\t") for line in _lines("zone.tab") if not line.startswith("#"))
    return frozenset(row[2] for row in rows)


@functools.cache
def _old_names() -> Mapping[str, str]:
    """What each name leads to, from the links in tzdata.zi: `L America/Chicago US/Central`."""
    links = (line.split() for line in _lines("tzdata.zi") if line.startswith("L "))
    return {old: new for _link, new, old in links}


def _lines(name: str, package: str = "tzdata.zoneinfo") -> list[str]:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8").splitlines()
