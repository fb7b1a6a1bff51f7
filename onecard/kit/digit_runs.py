"""A quick look for as many digits as a card's number has: most texts have fewer, and the whole look is slow."""

import re
from collections.abc import Iterator
from typing import Final

SHORTEST: Final = 13
# Digits, letters, and all else, which may stand between the digits of a number.
_CLASSES: Final = bytes(
    ord("0") if chr(each).isdigit() else ord("a") if chr(each).isalpha() else ord(" ") for each in range(128)
) + bytes(128)
# A quick look finds where such a run may be.
_DIGITS_AND_SIGNS: Final = re.compile(rb"0[0 ]{%d,}0" % (SHORTEST - 2))
# At most six signs stand between two digits of a number.
_MANY_DIGITS: Final = re.compile(rb"0(?: {0,6}0){%d,}" % (SHORTEST - 1))
# With these a blank may be written as an escape; a NUL is what an encoding of two bytes has between digits.
_ESCAPES: Final = (b"\\", b"%", b"&", b"\0")


def is_plain(text: bytes) -> bool:
    """Returns whether the text is ASCII without escapes, so that its digits are those that `digit_runs` sees."""
    return text.isascii() and not any(escape in text for escape in _ESCAPES)


def digit_runs(text: bytes) -> Iterator[bytes]:
    """Yields each part of a plain text with at least 13 digits, and signs but no letters between them."""
    classes = text.translate(_CLASSES)
    for part in _DIGITS_AND_SIGNS.finditer(classes):
        for found in _MANY_DIGITS.finditer(classes, part.start(), part.end()):
            yield text[found.start() : found.end()]
