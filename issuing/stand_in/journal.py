"""The journal of stand-in: appended to by all processes of the machine, on the disk before the answer is given.

A torn last line is what a crash leaves; its answer was never given, and the next writer begins a line of its own. An
approval that was handed over is marked afterwards. One without a mark is in doubt, whether the process died or the disk
refused the mark, and is charged only by its issuer's word (issuing/authorizations/stand_in_doubts.py).
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from issuing.stand_in import files
from issuing.stand_in.entries import Entry, Given, Voided, line_of
from issuing.stand_in.index import Index

# Beyond this much that waits to be folded, nothing is added: some 25 000 answers.
MOST_BYTES: Final = 64 * 1024 * 1024
# How long whoever answers nobody waits for the journal's lock, in seconds.
LOCKED_WITHIN_S: Final = 10.0


class JournalError(Exception):
    """An answer could not be kept, so it must not be given."""


class Journal:
    """One folder's journal, as one process uses it."""

    def __init__(self, place: Path) -> None:
        self._place, self._index, self._mutex = place, Index(), threading.Lock()

    @contextmanager
    def opened(self, *, until: float) -> Iterator["OpenJournal"]:
        """Holds the machine's lock, with everything read that others wrote; raises JournalError."""
        if not self._mutex.acquire(timeout=max(0.0, until - time.monotonic())):
            raise JournalError("Another thread has the journal.")
        try:
            with files.locked(self._place, files.JOURNAL_LOCK, until=until):
                self._index.catch_up(self._place)
                yield OpenJournal(self._place, self._index)
        except (OSError, files.BusyError) as error:
            raise JournalError(f"The journal in {self._place} cannot be used: {error}") from error
        finally:
            self._mutex.release()


class OpenJournal:
    """The journal while its lock is held."""

    def __init__(self, place: Path, index: Index) -> None:
        self.index = index
        self._place = place

    def write(self, entries: Sequence[Entry]) -> None:
        """Appends these, all or none, and returns once the disk has them; raises JournalError or OSError."""
        path = self._place / files.ANSWERS
        is_new, lines = not path.exists(), b"".join(map(line_of, entries))
        self._refuse_too_much(len(lines))
        with _opened(path) as file:
            _append(file, lines, is_synced=True)
        if is_new:
            files.sync_folder(self._place)

    def note(self, marks: Sequence[Given | Voided]) -> None:
        """Appends what became of answers; raises JournalError or OSError.

        They survive this process. The disk need not have them at once: what it loses with them is in doubt.
        """
        with _opened(self._place / files.ANSWERS) as file:
            _append(file, b"".join(map(line_of, marks)), is_synced=False)

    def _refuse_too_much(self, added: int) -> None:
        used = sum(path.stat().st_size for path in files.unfolded(self._place))
        if used + added > MOST_BYTES:
            raise JournalError(f"The journal in {self._place} is full: {used} bytes wait to be folded.")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _append(file: int, lines: bytes, *, is_synced: bool) -> None:
    size = os.fstat(file).st_size
    is_torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
    content = b"\n" + lines if is_torn else lines
    is_kept = False
    try:
        is_whole = os.write(file, content) == len(content)
        if is_synced:
            os.fsync(file)
        is_kept = is_whole
    finally:
        # What stayed here would be folded into the books, though nobody was given that answer.
        if not is_kept:
            os.ftruncate(file, size)
    if not is_whole:
        raise JournalError("The disk took a part of an answer only.")
