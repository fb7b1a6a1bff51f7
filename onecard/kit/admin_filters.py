"""How a list is filtered: the parameters that its address may have, and the search for a whole id."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views import main
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet

# A page of a long list begins after a row, or ends before it; each names the row by its key.
AFTER: Final = "after"
BEFORE: Final = "before"
PAGING: Final = frozenset({*main.IGNORED_PARAMS, main.PAGE_VAR, main.ERROR_FLAG, AFTER, BEFORE})
# Django's column filters ask for one value, for none, or for a span of time.
_OF_COLUMNS: Final = ("", "__exact", "__isnull", "__gte", "__lt")


def allowed_names(model: type[Model], list_filter: Sequence[Any]) -> frozenset[str]:
    """Returns the parameter names of a list's filters."""
    return frozenset(name for each in list_filter for name in _names_of(model, each))


def with_id(rows: QuerySet[Any], columns: Sequence[str], value: str) -> QuerySet[Any]:
    """Selects the rows whose last column has this value, through an index of these columns; the others have choices."""
    fields = [get_fields_from_path(rows.model, column)[-1] for column in columns]
    try:
        wanted = {columns[-1]: fields[-1].to_python(value)}
    except ValidationError:
        return rows.none()
    for column, field in zip(columns[:-1], fields, strict=False):
        wanted[f"{column}__in"] = [choice for choice, _words in field.flatchoices]
    return rows.filter(**wanted)


def _names_of(model: type[Model], list_filter: Any) -> list[str]:
    """Returns the names of one filter: a column's name, a pair of name and class, or a class with its own parameter."""
    if isinstance(list_filter, type):
        return [str(getattr(list_filter, "parameter_name", ""))]
    path = list_filter[0] if isinstance(list_filter, tuple | list) else list_filter
    field: Any = get_fields_from_path(model, path)[-1]
    if field.is_relation:
        return [f"{path}__{field.target_field.name}__exact", f"{path}__isnull"]
    return [f"{path}{lookup}" for lookup in _OF_COLUMNS]
