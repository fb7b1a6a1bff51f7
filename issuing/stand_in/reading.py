"""Reads a whole file of the journal: what was given, what is in doubt, and what nobody can read."""

import logging
from dataclasses import dataclass
from pathlib import Path

from issuing.stand_in.entries import DamagedLineError, Entry, Given, Voided
from issuing.stand_in.index import read_all

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Content:
    """Answers in their order, without those that were taken back, and how many lines are damaged."""

    given: list[Entry]
    in_doubt: list[Entry]
    damaged: int


def read(path: Path) -> Content:
    """Returns what a file holds."""
    lines = path.read_bytes().split(b"\n")
    if lines[-1]:
        # Whoever wrote it died before the disk had it, so its answer was not given.
        log.warning("stand-in: the last line of %s is torn; its answer was not given", path.name)
    items = list(read_all(lines[:-1]))
    marked = {each.given for each in items if isinstance(each, Given)}
    voided = {each.voided for each in items if isinstance(each, Voided)} - marked
    entries = [each for each in items if isinstance(each, Entry) and each.id not in voided]
    return Content(
        given=[each for each in entries if each.id in marked or not each.awaits_mark],
        in_doubt=[each for each in entries if each.awaits_mark and each.id not in marked],
        damaged=sum(isinstance(each, DamagedLineError) for each in items),
    )
