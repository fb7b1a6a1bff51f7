"""Reads a file as numbered lines, holding one line in memory at a time, however long it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

LONGEST_LINE_BYTES: Final = 1024 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLANKS: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Place:
    """The file and number of a line; as text it is what people read in the report."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line without the blanks around it; a line that is too long has only its size."""

    number: int
    body: bytes
    size: int

    @property
    def is_too_long(self) -> bool:
        return not self.body and self.size > LONGEST_LINE_BYTES

    @property
    def is_blank(self) -> bool:
        return not self.body and not self.is_too_long


def lines_of(file: BinaryIO) -> Iterator[Line]:
    """Yields every line, blank ones too, so that numbers match an editor's. Skips a byte order mark."""
    number = 0
    while piece := file.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        size = len(piece) + (_skip_rest(file) if _is_cut(piece) else 0)
        if number == 1:
            piece = piece.removeprefix(_BYTE_ORDER_MARK)
        yield Line(number, b"" if size > LONGEST_LINE_BYTES else piece.strip(_BLANKS), size)


def _is_cut(piece: bytes) -> bool:
    return len(piece) > LONGEST_LINE_BYTES and not piece.endswith(b"\n")


def _skip_rest(file: BinaryIO) -> int:
    skipped = 0
    while piece := file.readline(64 * 1024):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
