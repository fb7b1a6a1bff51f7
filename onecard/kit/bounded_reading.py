"""How far one page of a long list is read for a filter that no index serves.

A value that few rows have would be looked for in all of them. A page looks at the next rows of the list's order, says
up to when, and leads to those beyond.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.models import DateTimeField, Model

from onecard.kit.row_counts import expectation
from onecard.kit.transactions import transaction

if TYPE_CHECKING:
    from onecard.kit.long_lists import KeyOrder, ListPage

# So many rows are read in some tenths of a second.
MOST_READ: Final = 50_000
# What PostgreSQL expects to read with less than this cost (its own unit) is read as far as it goes.
READ_BELOW_COST: Final = 20_000


@contextmanager
def planned_for_its_values() -> Iterator[None]:
    """Has PostgreSQL plan each statement for the values that it is asked with.

    What a connection has prepared it would read as for a common value, and so look through everything for a rare one.
    """
    with transaction():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield


def last_row(page: "ListPage", order: "KeyOrder", edge: Model | None, *, backwards: bool) -> Any:
    """Returns the last row that a page may look at, counted from where it begins; None where it may look at all."""
    if not _is_costly(page):
        return None
    rows = order.of_all(page.model, backwards=backwards)
    for each in _written(page):
        rows = rows.filter(each.narrowing(order.columns[0]))
    if edge is not None:
        rows = rows.filter(order.beyond(edge, backwards=backwards))
    columns = [*order.columns, *filter(None, [_time_column(page)])]
    return next(iter(rows.only(*columns)[MOST_READ - 1 : MOST_READ]), None)


def moment_of(page: "ListPage", row: Model) -> Any:
    """Returns the time of a row by which its list is ordered, or that rises with its key; None where there is none."""
    column = _time_column(page)
    return getattr(row, column) if column else None


def _is_costly(page: "ListPage") -> bool:
    if any(each.reads_rows and each.is_used for each in _written(page)):
        return True
    if not page.has_active_filters:
        return False
    cost, _rows = expectation(page.queryset[: page.list_per_page + 1])
    return cost > READ_BELOW_COST


def _written(page: "ListPage") -> list[Any]:
    return [each for each in page.filter_specs if hasattr(each, "narrowing")]


def _time_column(page: "ListPage") -> str | None:
    first = str(page.queryset.query.order_by[0]).lstrip("-")
    room: Any = page.model_admin
    for column in (first, *room.rises_with_key):
        try:
            if isinstance(page.model._meta.get_field(column), DateTimeField):
                return str(column)
        except FieldDoesNotExist:
            continue
    return None
