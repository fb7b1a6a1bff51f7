"""Reads a JSON text piece by piece with the line of each piece; the standard library reports lines only for errors."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final


class Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written: a repeated name appears twice."""


@dataclass(slots=True)
class JsonCursor:
    """A position in a JSON text, moved on by each method; numbers are decimals, objects are Pairs.

    Every method that reads raises json.JSONDecodeError when something else is there.
    """

    text: str
    at: int = 0
    _line: int = 1
    _counted_to: int = 0

    @property
    def line(self) -> int:
        self._line += self.text.count("\n", self._counted_to, self.at)
        self._counted_to = self.at
        return self._line

    def peek(self) -> str:
        """Returns the next character that is not blank, or nothing at the end, and moves to it."""
        blanks = _BLANKS.match(self.text, self.at)
        self.at = blanks.end() if blanks else self.at
        return self.text[self.at : self.at + 1]

    def members(self, opening: str, closing: str) -> Iterator[None]:
        """Stops before each member of an object or array, which the caller then reads."""
        self._take(opening)
        if self.peek() == closing:
            self.at += 1
            return
        while True:
            yield
            if self.peek() == closing:
                self.at += 1
                return
            self._take(",")

    def name(self) -> str:
        """Reads a member's name with its colon."""
        if self.peek() != '"':
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", self.text, self.at)
        name = str(self.value())
        self._take(":")
        return name

    def value(self) -> object:
        self.peek()
        value, self.at = _DECODER.raw_decode(self.text, self.at)
        return value

    def end(self) -> None:
        if self.peek():
            raise json.JSONDecodeError("Extra data", self.text, self.at)

    def _take(self, mark: str) -> None:
        if self.peek() != mark:
            raise json.JSONDecodeError(f"Expecting {mark!r}", self.text, self.at)
        self.at += 1


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        # An exponent beyond what decimals hold.
        return Decimal("Infinity")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_float=_number, parse_int=_number, parse_constant=_number
)
_BLANKS: Final = re.compile(r"[ \t\n\r]*")
