"""Pages of rows by key, newest first: as quick at the end of a long table as at its beginning."""

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest

Row = TypeVar("Row")
LONGEST_KEY: Final = 18


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows; `next_before` is the key from which the next page goes on, None on the last page."""

    rows: list[Row]
    next_before: int | None


def page_of(rows: "QuerySet[Any]", *, before: int | None, length: int) -> Page[Any]:
    """Returns the newest `length` rows, of those with a smaller key than `before`."""
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: length + 1])
    return Page(found[:length], found[length - 1].pk if len(found) > length else None)


def asked_before(request: HttpRequest) -> int | None:
    """Returns the key that the address names, or None; what is no key begins at the newest."""
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_KEY else None
