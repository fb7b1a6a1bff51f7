"""The list pages of long tables: paged by key, never counted as a whole, and sorted only as an index has them.

A list of a short table keeps its numbered pages and its exact count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from onecard.kit import bounded_reading, display
from onecard.kit.admin_filters import AFTER, BEFORE
from onecard.kit.row_counts import count_or_estimate, is_long
from onecard.kit.separators import localised

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList as BaseChangeList
else:
    from unfold.views import ChangeList as BaseChangeList

ORDER = "o"


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """An order that an index can follow: columns without empty values, all one way, the key last."""

    columns: tuple[str, ...]
    descending: bool

    @classmethod
    def of(cls, model: type[Model], ordering: Sequence[Any]) -> "KeyOrder | None":
        """Returns the order that a selection has, or None where pages cannot follow it."""
        names = [each for each in ordering if isinstance(each, str)]
        columns = tuple(name.lstrip("-").replace("pk", str(_key(model))) for name in names)
        descending = {name.startswith("-") for name in names}
        if not names or len(names) < len(ordering) or len(descending) > 1 or columns[-1] != _key(model):
            return None
        if any(_may_be_empty(model, column) for column in columns):
            return None
        return cls(columns, descending.pop())

    def of_all(self, model: type[Model], *, backwards: bool) -> QuerySet[Any]:
        """Returns every row in this order, or in the reverse one."""
        rows: Any = model._meta.default_manager
        sign = "-" if self.descending is not backwards else ""
        ordered: QuerySet[Any] = rows.order_by(*(sign + column for column in self.columns))
        return ordered

    def beyond(self, row: Model, *, backwards: bool, itself: bool = False) -> Q:
        """Selects what comes after a row, or before it, with or without the row itself."""
        way = "lt" if self.descending is not backwards else "gt"
        *before, last = self.columns
        found = Q(**{f"{last}__{way}{'e' if itself else ''}": getattr(row, last)})
        for column in reversed(before):
            value = getattr(row, column)
            # The first condition is the range that the index reads.
            found = Q(**{f"{column}__{way}e": value}) & (Q(**{f"{column}__{way}": value}) | found)
        return found


class KeyPaginator(Paginator):  # type: ignore[type-arg]  # Django's cannot be subscripted at run time.
    """What Unfold's footer asks for; its pages are named by keys."""

    template_name = "admin/key_pages.html"


class ListPage(BaseChangeList):
    """A list page. `earlier` and `later` are the addresses of the pages beside it, on a long list."""

    is_long = False
    earlier = later = ""
    is_estimate = False
    # Of a filter without an index: how many rows were looked at, and when the last of them was written.
    looked_at = 0
    looked_until: Any = None

    @property
    def count_in_words(self) -> str:
        """The number of rows; an estimate in two figures, since PostgreSQL knows it no better."""
        count = self.result_count
        if self.is_estimate and count > 0:
            count = int(float(f"{count:.1e}"))
        return f"{count:,}"

    @property
    def looked_at_in_words(self) -> str:
        """Says how far this page looked for rows that match, where it did not look at all."""
        number = localised(f"{self.looked_at:,}")
        if self.looked_until is None:
            return _("Only %(number)s rows were looked at for this page.") % {"number": number}
        until = display.moment(self.looked_until)
        sentence = _("Only %(number)s rows were looked at for this page, as far as %(until)s.")
        return sentence % {"number": number, "until": until}

    @property
    def kept_params(self) -> dict[str, str]:
        """What the form of the filters sends along: all of the address but its own fields and the page."""
        own = {name for spec in self.filter_specs for name in getattr(spec, "names", ())}
        return {name: str(value) for name, value in self.params.items() if name not in {*own, PAGE_VAR, AFTER, BEFORE}}

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in (AFTER, BEFORE)}

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Follows one column of a long list, and only one that has an index."""
        self.is_long = is_long(self.model)
        if self.is_long and self.params.get(ORDER):
            self.params[ORDER] = next(filter(self._may_sort, self.params[ORDER].split(".")), "")
        ordering = list(super().get_ordering(request, queryset))
        return _one_way(ordering) if self.is_long and self.params.get(ORDER) else ordering

    def get_results(self, request: HttpRequest) -> None:
        order = KeyOrder.of(self.model, self.queryset.query.order_by) if self.is_long else None
        start = {name: request.GET[name] for name in (AFTER, BEFORE) if name in request.GET}
        for name in (AFTER, BEFORE):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        if order is None:
            super().get_results(request)
            return
        with bounded_reading.planned_for_its_values():
            self._read_page(order, start)

    def _read_page(self, order: KeyOrder, start: dict[str, str]) -> None:
        size, backwards = self.list_per_page, BEFORE in start
        edge = self._row(next(iter(start.values()), ""))
        backwards = backwards and edge is not None
        rows = self.queryset if edge is None else self.queryset.filter(order.beyond(edge, backwards=backwards))
        last = bounded_reading.last_row(self, order, edge, backwards=backwards)
        if last is not None:
            rows = rows.filter(order.beyond(last, backwards=not backwards, itself=True))
        found = list((rows.reverse() if backwards else rows)[: size + 1])
        has_more, page = len(found) > size, found[:size]
        if backwards:
            page.reverse()
        # Where the page begins and ends: a row of it, or the last row that was looked at.
        ends = [page[0], page[-1]] if page else [edge, edge]
        if last is not None and not has_more:
            ends[0 if backwards else 1] = last
            self.looked_at, self.looked_until = bounded_reading.MOST_READ, bounded_reading.moment_of(self, last)
        has_more = has_more or last is not None
        if ends[1] and (has_more if not backwards else edge):
            self.later = self.get_query_string({AFTER: ends[1].pk})
        if edge and ends[0] and (has_more if backwards else True):
            self.earlier = self.get_query_string({BEFORE: ends[0].pk})
        self._conclude(page, is_all=edge is None and not has_more)

    def _conclude(self, page: list[Any], *, is_all: bool) -> None:
        """Sets what Django's templates read of a list."""
        count, self.is_estimate = (len(page), False) if is_all else count_or_estimate(self.queryset)
        self.result_list, self.result_count = page, count
        self.full_result_count, self.show_full_result_count, self.show_admin_actions = None, False, True
        self.can_show_all, self.multi_page = False, not is_all
        self.paginator = KeyPaginator(page, self.list_per_page)

    def _row(self, key: str) -> Any:
        """Returns the row at which a page begins, or None: then the list begins at its own beginning."""
        rows: Any = self.model._meta.default_manager
        try:
            return rows.filter(pk=key).first() if key else None
        except (TypeError, ValueError):
            return None

    def _may_sort(self, asked: str) -> bool:
        try:
            column = self.list_display[abs(int(asked))]
        except (IndexError, ValueError):
            return False
        return self.sortable_by is None or column in self.sortable_by


def sortable(model: type[Model], columns: Sequence[Any], field_of: Callable[[Any], Any]) -> list[Any]:
    """Returns the columns of a list by which a long table can be sorted: an index begins with what they sort by."""
    leading = {fields[0].lstrip("-") for fields in _index_fields(model) if fields}
    return [column for column in columns if str(field_of(column) or "").lstrip("-").replace("pk", "id") in leading]


def _one_way(ordering: Sequence[Any]) -> list[Any]:
    """Turns the later columns, which only decide between equal rows, the way of the first, so that an index serves."""
    if not all(isinstance(each, str) for each in ordering):
        return list(ordering)
    sign = "-" if ordering[0].startswith("-") else ""
    return [sign + column for column in dict.fromkeys(each.lstrip("-") for each in ordering)]


def _index_fields(model: type[Model]) -> list[Sequence[str]]:
    whole = [each for each in model._meta.indexes if each.condition is None]
    unique = [each for each in model._meta.constraints if getattr(each, "fields", ()) and not each.condition]  # type: ignore[attr-defined]
    alone = [(field.name,) for field in model._meta.fields if field.primary_key or field.unique]
    found = [*(each.fields for each in whole), *(each.fields for each in unique), *alone]  # type: ignore[attr-defined]
    return [fields for fields in found if not any(_may_be_empty(model, name.lstrip("-")) for name in fields[:1])]


def _key(model: type[Model]) -> str:
    return str(model._meta.pk.name)


def _may_be_empty(model: type[Model], column: str) -> bool:
    try:
        field = model._meta.get_field(column)
    except FieldDoesNotExist:
        return True
    return bool(field.null) or not field.concrete
