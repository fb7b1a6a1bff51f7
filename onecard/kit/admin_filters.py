"""Which parameters a list's address may have: its own filters, paging, sorting and search."""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views import main
from django.db.models import Model

PAGING: Final = frozenset({*main.IGNORED_PARAMS, main.PAGE_VAR, main.ERROR_FLAG})
# Django's column filters ask for one value, for none, or for a span of time.
_OF_COLUMNS: Final = ("", "__exact", "__isnull", "__gte", "__lt")


def allowed_names(model: type[Model], list_filter: Sequence[Any]) -> frozenset[str]:
    """Returns the parameter names of a list's filters."""
    return frozenset(name for each in list_filter for name in _names_of(model, each))


def _names_of(model: type[Model], list_filter: Any) -> list[str]:
    """Returns the names of one filter: a column's name, a pair of name and class, or a class with its own parameter."""
    if isinstance(list_filter, type):
        return [str(getattr(list_filter, "parameter_name", ""))]
    path = list_filter[0] if isinstance(list_filter, tuple | list) else list_filter
    field: Any = get_fields_from_path(model, path)[-1]
    if field.is_relation:
        return [f"{path}__{field.target_field.name}__exact", f"{path}__isnull"]
    return [f"{path}{lookup}" for lookup in _OF_COLUMNS]
