"""How a list is filtered: the parameters that its address may have, and the filters whose values are typed.

All fields of a list's filters stand in one form with one button (templates/unfold/helpers/change_list_filter.html).
What cannot be read selects no row and answers a sentence, since rows that nobody asked for would mislead.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import messages
from django.contrib.admin import ListFilter
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views import main
from django.db.models import DateField, DateTimeField, Model, Q, QuerySet
from django.http import HttpRequest, QueryDict

from onecard.kit import list_search
from onecard.kit.errors import OneCardError
from onecard.kit.text import clean_text

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django_stubs_ext import StrOrPromise

# A page of a long list begins after a row, or ends before it; each names the row by its key.
AFTER: Final = "after"
BEFORE: Final = "before"
PAGING: Final = frozenset({*main.IGNORED_PARAMS, main.PAGE_VAR, main.ERROR_FLAG, AFTER, BEFORE})
LONGEST_VALUE: Final = 200
# Django's column filters ask for one value, for none, or for a span of time.
_OF_COLUMNS: Final = ("", "__exact", "__isnull", "__gte", "__lt")
# Our filter of days has two fields beside Django's links.
OF_DAYS: Final = ("_from", "_to")


class FilterError(OneCardError):
    """A filter's value that cannot be read, in a sentence."""

    code = "invalid_filter"


class Written:
    """What filters with typed values share, whether of a column or with names of their own.

    `names` are their parameters; those `only_with_others` select nothing alone. A filter that `reads_rows` has no
    index: a long list looks at a part of its rows.
    """

    names: tuple[str, ...] = ()
    only_with_others: tuple[str, ...] = ()
    reads_rows = False
    problem = ""

    def take(self, params: dict[str, Any]) -> None:
        """Takes the filter's values out of a list's parameters."""
        self.typed = {name: clean_text(_last(params.pop(name, "")), limit=LONGEST_VALUE) for name in self.names}

    @property
    def is_used(self) -> bool:
        return any(self.typed.values())

    def select(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Returns the rows that the typed values select; raises FilterError for a value that cannot be read."""
        raise NotImplementedError

    def narrowing(self, column: str) -> Q:
        """Returns what the filter says of the column by which the list is ordered."""
        return Q()

    def selected(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Returns the rows that are selected; none, with a message, where a value cannot be read."""
        try:
            return self.select(rows) if self.is_used else rows
        except FilterError as error:
            self.problem = error.message
            if hasattr(request, "_messages"):
                messages.warning(request, self.problem)
            return rows.none()


class WrittenFilter(Written, ListFilter):
    """A filter of typed values under names of its own."""

    template = "admin/filters/written.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.model = model
        self.take(params)

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.names)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return self.selected(request, queryset)

    def choices(self, changelist: "ChangeList") -> Iterator[dict[str, Any]]:
        """Returns the fields of the form, each with its name, label and value."""
        return iter(self.fields())

    def fields(self) -> list[dict[str, Any]]:
        return [{"name": name, "label": self.title, "value": self.typed[name]} for name in self.names]


class TextFilter(WrittenFilter):
    """A filter with a text field, for columns with too many values to list, such as merchant category codes."""

    parameter_name = ""
    lookup = ""
    input_mode = "text"

    def __init_subclass__(cls) -> None:
        cls.names = (cls.parameter_name,)

    def value(self) -> str:
        return self.typed[self.parameter_name]

    def select(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(**{self.lookup or self.parameter_name: self.value()})

    def fields(self) -> list[dict[str, Any]]:
        return [each | {"mode": self.input_mode} for each in super().fields()]


class MccFilter(TextFilter):
    """Filters purchases or rankings by merchant category code."""

    title = "MCC"
    parameter_name = "mcc"
    input_mode = "numeric"


class CardFilter(TextFilter):
    """Filters by a card that a row leads to: its last four digits, or one of its ids as a whole, through indexes.

    `path` leads to the card, or is empty on a list of cards. `ids` are as in `BackOfficeAdmin.search_ids`.
    """

    path: ClassVar[str] = ""
    cards: ClassVar[Any] = None
    ids: ClassVar[tuple[tuple[str, ...], ...]] = ()
    hint: ClassVar["StrOrPromise"] = ""

    @classmethod
    def by(cls, path: str) -> type["CardFilter"]:
        """Returns this filter for rows that lead to the card in another way."""
        return type(cls.__name__, (cls,), {"path": path})

    def select(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return list_search.of_card(rows, self.path, self.cards, self.ids, self.value())

    def fields(self) -> list[dict[str, Any]]:
        return [each | {"hint": self.hint} for each in super().fields()]


def allowed_names(model: type[Model], list_filter: Sequence[Any]) -> frozenset[str]:
    """Returns the parameter names of a list's filters."""
    return frozenset(name for each in list_filter for name in _names_of(model, each))


def without_empty(given: QueryDict, model: type[Model], list_filter: Sequence[Any]) -> QueryDict:
    """Returns a list's parameters without the fields that were left empty: a form sends all of its fields.

    A filter of which nothing but a choice is left goes as a whole, and typed days take the place of Django's links.
    """
    kept = given.copy()
    for each in list_filter:
        names = {name for name in _names_of(model, each) if name in given}
        # Of a column only days are typed. Django's choices may well be empty.
        typed = {name for name in names if isinstance(each, type) or name.endswith(OF_DAYS)}
        filled = {name for name in typed if str(given[name]).strip()}
        if filled <= set(getattr(each, "only_with_others", ())):
            filled = set()
        for name in names - filled if filled else typed:
            del kept[name]
    return kept


def is_of_days(model: type[Model], list_filter: Any) -> bool:
    """Returns whether a list's filter is the plain name of a column with dates or times."""
    return isinstance(list_filter, str) and isinstance(_field(model, list_filter), DateField | DateTimeField)


def _names_of(model: type[Model], list_filter: Any) -> list[str]:
    """Returns the names of one filter: a column's name, a pair of name and class, or a class with its own parameter."""
    if isinstance(list_filter, type):
        return list(getattr(list_filter, "names", ())) or [str(getattr(list_filter, "parameter_name", ""))]
    path = list_filter[0] if isinstance(list_filter, tuple | list) else list_filter
    field = _field(model, path)
    if field.is_relation:
        return [f"{path}__{field.target_field.name}__exact", f"{path}__isnull"]
    days = OF_DAYS if isinstance(field, DateField) else ()
    return [f"{path}{lookup}" for lookup in (*_OF_COLUMNS, *days)]


def _field(model: type[Model], path: str) -> Any:
    return get_fields_from_path(model, path)[-1]


def _last(values: Any) -> str:
    found = values[-1:] if isinstance(values, list | tuple) else [values]
    return str(found[0]) if found else ""
