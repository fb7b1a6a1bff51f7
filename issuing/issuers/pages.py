"""An issuer's lists, row by row: what cannot be read is named by itself, so that it holds up no other."""

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
# What a reader meets in a row of another shape than it knows.
UNREADABLE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError, OneCardError)


def rows_of(listed: Any, *, more: str) -> tuple[list[Row], bool]:
    """The rows of a page, and whether its key `more` says so; raises NetworkError for an answer that is no list."""
    rows, is_more = (listed.get("data"), listed.get(more)) if isinstance(listed, Mapping) else (None, None)
    if not isinstance(rows, list) or not isinstance(is_more, bool) or not all(isinstance(row, dict) for row in rows):
        raise errors.no_answer()
    # An empty page that promises more would be asked for without end.
    return rows, is_more and bool(rows)


def read_each(rows: Iterable[Row], read: Callable[[Row], Found]) -> tuple[tuple[Found, ...], list[Row]]:
    """What can be read of these rows, in their order, and the rows that cannot."""
    found, unread = [], []
    for row in rows:
        try:
            found.append(read(row))
        except UNREADABLE:
            unread.append(row)
    return tuple(found), unread


def names_of(rows: Iterable[Row], *, key: str) -> tuple[str, ...]:
    """What the issuer calls each, under `key`, or what tells it from others that have no name either."""
    return tuple(_name(row, key) for row in rows)


def _name(row: Row, key: str) -> str:
    name = clean_text(row.get(key), limit=LONGEST_NAME)
    # A hash over a card's number would give the number away.
    return name or f"row {hashlib.sha256(masked(exact_json.dumps(row)).encode()).hexdigest()[:16]}"
