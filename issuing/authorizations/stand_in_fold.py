"""Folds the answers of stand-in into the books, each exactly once (docs/decisions/0056).

Each answer is one transaction under the card's lock: the same committing statement as for every decision writes it, and
finds one that it has written before. So whoever is killed at any step begins the file anew, and nothing is doubled.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.db import InterfaceError, OperationalError

from issuing.authorizations import stand_in_doubts, stand_in_writing
from issuing.stand_in import files, reading
from issuing.stand_in.entries import Entry
from issuing.stand_in.journal import LOCKED_WITHIN_S
from onecard.kit.postgresql.time_limits import give_up_after
from onecard.kit.transactions import transaction

log = logging.getLogger(__name__)

# Whoever writes an answer is done with it, one way or the other, after the longest deadline.
FINISHED_AFTER_S: Final = 2.5
ONE_WITHIN_S: Final = 15.0
Progress = Callable[[int], object]


@dataclass(slots=True)
class Folded:
    """What became of the answers: how many by outcome, and the files that are done with."""

    outcomes: "Counter[str]" = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be folded."""
        return not self.outcomes["failed"]

    @property
    def in_doubt(self) -> int:
        """How many approvals wait for their issuer's word."""
        return self.outcomes["in_doubt"]


def fold(place: Path, *, progress: Progress = lambda _entries: None) -> Folded:
    """Folds in all that waits; raises files.BusyError while another process does, and django.db.OperationalError.

    An answer that fails for another reason is logged, keeps its file waiting, and holds up no other. An approval that
    is in doubt waits for its issuer's word.
    """
    done = Folded()
    with files.locked(place, files.FOLD_LOCK):
        with _journal(place):
            waiting = files.set_aside(place)
        for path in waiting:
            _wait_for_writers(path)
            if _fold_file(path, done, progress):
                with _journal(place):
                    files.mark_folded(path)
                done.files.append(path.name)
        done.outcomes += stand_in_doubts.resolve(place, _fold_one)
    return done


def waiting(place: Path) -> Iterator[tuple[Entry, bool]]:
    """Yields the answers that wait to be folded, and whether each is in doubt; changes nothing."""
    for path in [*files.unfolded(place), *files.doubts(place)]:
        content = reading.read(path)
        yield from ((entry, False) for entry in content.given)
        yield from ((entry, True) for entry in content.in_doubt)


def _journal(place: Path) -> AbstractContextManager[None]:
    return files.locked(place, files.JOURNAL_LOCK, until=time.monotonic() + LOCKED_WITHIN_S)


def _wait_for_writers(path: Path) -> None:
    age_s = time.time() - path.stat().st_mtime
    time.sleep(max(0.0, FINISHED_AFTER_S - max(0.0, age_s)))


def _fold_file(path: Path, done: Folded, progress: Progress) -> bool:
    """Returns whether all of the file is in the database, or waits as a doubt."""
    content = reading.read(path)
    if content.damaged:
        with transaction():
            stand_in_writing.open_case_about_damage(path.name, content.damaged)
        done.outcomes["damaged"] += content.damaged
    failed = 0
    for entry in content.given:
        outcome = _fold_one(entry)
        failed += outcome == "failed"
        done.outcomes[outcome] += 1
        progress(1)
    stand_in_doubts.keep(path, content.in_doubt)
    return not failed


def _fold_one(entry: Entry) -> str:
    try:
        with give_up_after(ONE_WITHIN_S):
            return stand_in_writing.write(entry)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("stand-in: answer %s cannot be folded in; its file stays", entry.id)
        return "failed"
