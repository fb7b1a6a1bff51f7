"""The files of stand-in in STAND_IN_DIR, and the locks by which the processes of one machine share them.

Answers go to one file. Whoever folds them sets that file aside under another name, and renames it again when all of it
is in the database. A name changes only under the journal's lock. Approvals that are in doubt then wait in a file of
their own, which only the holder of the fold's lock touches.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings

from onecard.kit import clock

ANSWERS: Final = "answers.journal"
WAITING: Final = "waiting-"
FOLDED: Final = "folded-"
DOUBTS: Final = ".doubts"
SNAPSHOT: Final = "snapshot"
JOURNAL_LOCK: Final = "journal.lock"
FOLD_LOCK: Final = "fold.lock"
SNAPSHOT_LOCK: Final = "snapshot.lock"
# How often a lock that another process has is tried again, in seconds.
TRY_EVERY_S: Final = 0.001
DAY_S: Final = 24 * 3600


class BusyError(Exception):
    """Another process holds the lock."""


def folder() -> Path | None:
    """Returns STAND_IN_DIR, made if it is missing; None where stand-in keeps nothing."""
    if not settings.STAND_IN_DIR:
        return None
    place = Path(settings.STAND_IN_DIR)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


@contextmanager
def locked(place: Path, name: str, *, until: float = 0.0) -> Iterator[None]:
    """Holds one of the locks; waits for it until a moment of time.monotonic(), and raises BusyError then."""
    lock = os.open(place / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _takes(lock):
            if time.monotonic() >= until:
                raise BusyError(f"{name} is held by another process.")
            time.sleep(TRY_EVERY_S)
        yield
    finally:
        os.close(lock)


def journals(place: Path) -> list[Path]:
    """Returns every file with answers, folded ones included."""
    return sorted(place.glob("*.journal"))


def unfolded(place: Path) -> list[Path]:
    """Returns the files whose answers are not all in the database."""
    return [path for path in journals(place) if not path.name.startswith(FOLDED)]


def doubts(place: Path) -> list[Path]:
    """Returns the files of approvals of which nobody knows whether they were given."""
    return sorted(place.glob(f"*{DOUBTS}"))


def replace_whole(path: Path, content: bytes) -> None:
    """Gives a file this content, all of it or none; without content there is no file afterwards."""
    if content:
        new = path.with_name(f"{path.name}.new")
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    else:
        path.unlink(missing_ok=True)
    sync_folder(path.parent)


def set_aside(place: Path) -> list[Path]:
    """Gives the current file another name, so that nobody writes to it any more; returns all that wait to be folded.

    Call it under the journal's lock.
    """
    current = place / ANSWERS
    if current.exists():
        current.rename(place / f"{WAITING}{time.time_ns()}.journal")
        sync_folder(place)
    return [path for path in journals(place) if path.name.startswith(WAITING)]


def mark_folded(path: Path) -> None:
    """Names a file as folded; it stays for STAND_IN_KEEP_DAYS. Call it under the journal's lock."""
    path.rename(path.with_name(path.name.replace(WAITING, FOLDED, 1)))
    sync_folder(path.parent)


def remove_old(place: Path) -> int:
    """Removes files that were folded longer than STAND_IN_KEEP_DAYS ago; returns how many."""
    before = clock.now().timestamp() - settings.STAND_IN_KEEP_DAYS * DAY_S
    old = [path for path in journals(place) if path.name.startswith(FOLDED) and path.stat().st_mtime < before]
    for path in old:
        path.unlink()
    return len(old)


def sync_folder(place: Path) -> None:
    """Has the disk keep the names of the files."""
    opened = os.open(place, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _takes(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
