"""The rows of a list as CSV, a thousand at a time, so that a million need no memory and no long transaction."""

import csv
import datetime as dt
import html
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.contrib.admin.utils import display_for_field, label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from onecard.kit import display
from onecard.kit.long_lists import KeyOrder
from onecard.kit.spreadsheet_cells import safe

AT_ONCE: Final = 1_000
# Excel reads UTF-8 only behind it.
BYTE_ORDER_MARK: Final = "\ufeff"


def csv_rows(model_admin: Any, rows: QuerySet[Any], columns: Sequence[Any]) -> Iterator[str]:
    """Yields the lines of the file: the columns' names, then a row for each row of the selection, with its key first.

    Rows that come or go meanwhile may be in it or not; no other is left out or comes twice.
    """
    names = [label_for_field(column, rows.model, model_admin) for column in columns]
    yield BYTE_ORDER_MARK + line(["ID", *map(str, names)])
    for chunk in _chunks(rows):
        model_admin.prepare_rows(chunk)
        yield "".join(line([row.pk, *(_cell(model_admin, row, column) for column in columns)]) for row in chunk)


def _chunks(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    order = KeyOrder.of(rows.model, rows.query.order_by)
    if order is None:
        rows, order = rows.order_by("-pk"), KeyOrder((str(rows.model._meta.pk.name),), descending=True)
    chunk = list(rows[:AT_ONCE])
    while chunk:
        yield chunk
        chunk = list(rows.filter(order.beyond(chunk[-1], backwards=False))[:AT_ONCE]) if len(chunk) == AT_ONCE else []


def _cell(model_admin: Any, row: Model, column: Any) -> str:
    """Returns what the list shows in this cell, without its markup."""
    try:
        field, _attribute, value = lookup_field(column, row, model_admin)
    except ObjectDoesNotExist:
        return ""
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    if isinstance(value, dt.datetime):
        return display.moment(value)
    if field is not None and not isinstance(value, Model):
        value = display_for_field(value, field, "")
    return "" if value is None else " ".join(html.unescape(strip_tags(str(value))).split())


class _Echo:
    """A file that gives back what is written."""

    def write(self, text: str) -> str:
        return text


def line(cells: Sequence[object]) -> str:
    line: Any = csv.writer(_Echo()).writerow([safe(cell) for cell in cells])
    return str(line)
