"""The files of an archive: a month's rows as JSON lines under gzip, with their SHA-256 and their number beside them.

A file with a final name is whole and is never written again. What a killed run leaves ends in .part.
"""

import gzip
import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from onecard.archive.errors import ArchiveError

PART: Final = ".part"
# The rows as they are in the database, each time that it is called.
Lines = Callable[[], Iterable[bytes]]


def store(folder: Path, name: str, lines: Lines) -> dict[str, Any]:
    """Makes sure that a file holds exactly these lines, and returns its name, rows and SHA-256.

    A file that an earlier run left is taken if it does; one with other rows stays, and a further one is written.
    Raises ArchiveError when what was written is not what is read again, and OSError.
    """
    for leftover in folder.glob(f"{name}.*{PART}"):
        leftover.unlink(missing_ok=True)
    path = next((each for each in _existing(folder, name) if _rows_if_same(each, lines()) is not None), None)
    path = path or _write(folder, name, lines())
    rows = _rows_if_same(path, lines())
    if rows is None:
        raise ArchiveError(f"{path} does not hold what is in the database. Nothing was dropped; run it again.")
    return _described(path, rows)


def _write(folder: Path, name: str, lines: Iterable[bytes]) -> Path:
    with NamedTemporaryFile(dir=folder, prefix=f"{name}.", suffix=PART, delete=False) as part:
        with gzip.GzipFile(fileobj=part, mode="wb", filename="", mtime=0) as packed:
            packed.writelines(lines)
        _flush(part)
    path = next(each for each in _names(folder, name) if not each.exists())
    # Unlike a rename, a link never takes the place of a file that another run wrote.
    os.link(part.name, path)
    Path(part.name).unlink()
    return path


def _rows_if_same(path: Path, lines: Iterable[bytes]) -> int | None:
    """Returns how many lines a file holds, or None if they are not these lines or it cannot be read."""
    rows = 0
    try:
        with gzip.open(path, "rb") as packed:
            for stored, line in zip_longest(packed, lines):
                if stored != line:
                    return None
                rows += 1
    except (EOFError, gzip.BadGzipFile):
        return None
    return rows


def _described(path: Path, rows: int) -> dict[str, Any]:
    """Writes a file's SHA-256, in the form that `sha256sum -c` reads, and its number of rows beside it."""
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    for suffix, text in ((".sha256", f"{digest.hexdigest()}  {path.name}\n"), (".rows", f"{rows}\n")):
        with path.with_name(path.name + suffix).open("wb") as beside:
            beside.write(text.encode())
            _flush(beside)
    _flush_folder(path.parent)
    return {"file": path.name, "rows": rows, "sha256": digest.hexdigest()}


def _existing(folder: Path, name: str) -> Iterator[Path]:
    for path in _names(folder, name):
        if not path.exists():
            return
        yield path


def _names(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"{name}.jsonl.gz"
    number = 2
    while True:
        yield folder / f"{name}.{number}.jsonl.gz"
        number += 1


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
