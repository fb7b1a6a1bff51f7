"""A filter by the values of a column; of a long table, the values that PostgreSQL knows to be common."""

from typing import Any, Final

from django.contrib.admin import AllValuesFieldListFilter
from django.contrib.admin.utils import get_fields_from_path
from django.db import connection
from django.db.models import Model

from onecard.kit.row_counts import is_long

# Of a table in partitions, the values that are common in any of them.
_COMMON: Final = """
SELECT DISTINCT unnest(most_common_vals::text::text[]) FROM pg_stats
WHERE schemaname = current_schema() AND attname = %(column)s AND (
    tablename = %(table)s OR tablename IN (
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = to_regclass(%(table)s)))
ORDER BY 1
"""


class CommonValuesFilter(AllValuesFieldListFilter):
    """Offers every value of a short table. To find those of a long table, it would be read as a whole."""

    def __init__(self, field: Any, request: Any, params: Any, model: Any, model_admin: Any, field_path: str) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        if is_long(field.model):
            self.lookup_choices: Any = common_values(field.model, field.column)


def common_values(model: type[Model], column: str) -> list[str]:
    """Returns the most common values of a column by PostgreSQL's statistics, in order; [] before it has any."""
    with connection.cursor() as cursor:
        cursor.execute(_COMMON, {"table": model._meta.db_table, "column": column})
        return [value for (value,) in cursor.fetchall()]


def with_common_values(model: type[Model], list_filter: Any) -> Any:
    """Returns a list's filter; this one for a text without choices, whose values would be looked for in every row."""
    if not isinstance(list_filter, str):
        return list_filter
    field: Any = get_fields_from_path(model, list_filter)[-1]
    is_free = field.get_internal_type() == "CharField" and not field.choices
    return (list_filter, CommonValuesFilter) if is_free else list_filter
