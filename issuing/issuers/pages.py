"""Reads an issuer's list row by row: an unreadable row is named, and does not stop the others."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from issuing.issuers import errors
from onecard.kit import exact_json
from onecard.kit.errors import OneCardError
from onecard.kit.masking import masked
from onecard.kit.text import clean_text

Row = dict[str, Any]
Found = TypeVar("Found")
LONGEST_NAME = 64
# The errors of a reader that meets a row of an unknown shape.
UNREADABLE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError, OneCardError)


def rows_of(listed: Any, *, more: str) -> tuple[list[Row], bool]:
    """Returns the rows of a page, and whether its key `more` is true.

    Raises NetworkError for an answer that is no list.
    """
    rows, is_more = (listed.get("data"), listed.get(more)) if isinstance(listed, Mapping) else (None, None)
    if not isinstance(rows, list) or not isinstance(is_more, bool) or not all(isinstance(row, dict) for row in rows):
        raise errors.no_answer()
    # An empty page with more to come would be asked for without end.
    return rows, is_more and bool(rows)


def read_each(rows: Iterable[Row], read: Callable[[Row], Found]) -> tuple[tuple[Found, ...], list[Row]]:
    """Returns the readable rows in their order, and the unreadable ones."""
    found, unread = [], []
    for row in rows:
        try:
            found.append(read(row))
        except UNREADABLE:
            unread.append(row)
    return tuple(found), unread


def names_of(rows: Iterable[Row], *, key: str) -> tuple[str, ...]:
    """Returns the issuer's name for each row, under `key`, or a hash of its content."""
    return tuple(_name(row, key) for row in rows)


def _name(row: Row, key: str) -> str:
    name = clean_text(row.get(key), limit=LONGEST_NAME)
    # A hash over a card's number would reveal the number.
    return name or f"row {hashlib.sha256(masked(exact_json.dumps(row)).encode()).hexdigest()[:16]}"
