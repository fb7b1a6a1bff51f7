"""The search of a list: a whole id by its index, the last four digits of a card, or words.

A long table is searched only through indexes, one statement for each column: joined with "or" across tables PostgreSQL
would read them all.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet
from django.db.models.functions import Upper

from onecard.kit.row_counts import is_long

LAST_FOUR: Final = 4
# An index of trigrams knows three letters in a row; fewer are in nearly every row.
SHORTEST_WORD: Final = 3
MOST_WORDS: Final = 6
# So many rows of one column's matches are looked at, the first in the list's order.
MOST_FOUND: Final = 500
# What more rows have is found quickly by reading them in order; what fewer have, by the index alone.
RARE_UP_TO: Final = 2_000


def with_whole_id(rows: QuerySet[Any], ids: Sequence[tuple[str, ...]], term: str) -> QuerySet[Any] | None:
    """Returns the rows that have the text as one of their ids, or None where none has."""
    for columns in ids:
        found = with_id(rows, columns, term)
        if found.exists():
            return found
    return None


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


def of_card(
    rows: QuerySet[Any], path: str, cards: type[Model], ids: Sequence[tuple[str, ...]], term: str
) -> QuerySet[Any]:
    """Selects the rows that lead by `path` to the cards with these last four digits, or with this whole id.

    An empty path means that the rows are the cards. The cards are found first, by an index, and their rows after that.
    """
    every: Any = cards._meta.default_manager
    found = every.filter(last_four=term) if _is_last_four(term) else with_whole_id(every.all(), ids, term)
    keys = list(found.order_by().values_list("pk", flat=True)[:MOST_FOUND]) if found is not None else []
    if not path or not keys:
        return rows.filter(pk__in=keys)
    return few_or_many(rows, Q(**{f"{path}__in": keys}))


def with_words(rows: QuerySet[Any], paths: Sequence[str], term: str) -> tuple[QuerySet[Any], str]:
    """Selects the rows of a long table by words, and says in a sentence what was left out, if anything was.

    `paths` are the search fields of the list. Columns without an index of words are left out here: whole ids have been
    looked for before.
    """
    words = term.split()[:MOST_WORDS]
    if not _is_last_four(term) and not any(len(word) >= SHORTEST_WORD for word in words):
        return rows.none(), f"This list is long: write a whole id, four digits, or at least {SHORTEST_WORD} letters."
    selections = list(_selections(rows, paths, words))
    if len(selections) == 1:
        return selections[0], ""
    found = [list(each.values_list("pk", flat=True)[:MOST_FOUND]) for each in selections]
    has_more = any(len(keys) == MOST_FOUND for keys in found)
    left_out = f"Many rows match: the first {MOST_FOUND} of each column are shown. Filter to see others."
    return rows.filter(pk__in={key for keys in found for key in keys}), left_out if has_more else ""


def matching(rows: QuerySet[Any], condition: Q) -> QuerySet[Any]:
    """Selects by words that have an index, in a way that stays quick for words that few or no rows have.

    For the first rows in an order PostgreSQL would rather follow that order, past every row without the words.
    """
    found = rows.filter(condition)
    keys = list(found.order_by().values_list("pk", flat=True)[: RARE_UP_TO + 1])
    return found if len(keys) > RARE_UP_TO else rows.filter(pk__in=keys)


def few_or_many(rows: QuerySet[Any], condition: Q) -> QuerySet[Any]:
    """Selects by a condition on rows that lead here: each row once, and quickly for few and for many."""
    every: Any = rows.model._meta.default_manager
    found = every.filter(condition).order_by().values("pk")
    keys = list(dict.fromkeys(found.values_list("pk", flat=True)[: RARE_UP_TO + 1]))
    return rows.filter(pk__in=keys if len(keys) <= RARE_UP_TO else found)


def _selections(rows: QuerySet[Any], paths: Sequence[str], words: Sequence[str]) -> Iterator[QuerySet[Any]]:
    """Yields the matches in each column that can be searched for these words."""
    for path in paths:
        way, _, column = path.lstrip("=^@").rpartition("__")
        target = _target(rows.model, path.lstrip("=^@"))
        condition = _condition(target, column, words)
        if condition is None:
            continue
        if not way:
            yield matching(rows, condition) if is_long(rows.model) else rows.filter(condition)
            continue
        # A statement of its own, so that PostgreSQL begins with the few rows that match.
        manager: Any = target._meta.default_manager
        keys = list(manager.filter(condition).order_by().values_list("pk", flat=True)[:MOST_FOUND])
        if keys:
            yield rows.filter(**{f"{way}__in": keys})


def _condition(model: type[Model], column: str, words: Sequence[str]) -> Q | None:
    """Returns what a column is compared with, or None where that would read a long table as a whole."""
    if column.endswith("last_four"):
        return Q(**{column: words[0]}) if len(words) == 1 and _is_last_four(words[0]) else None
    if is_long(model) and column not in columns_with_words(model):
        return None
    return Q(*(Q(**{f"{column}__icontains": word}) for word in words))


def columns_with_words(model: type[Model]) -> set[str]:
    """Returns the columns that have an index of their words: a GIN index of trigrams of the upper-case text."""
    found: set[str] = set()
    for index in model._meta.indexes:
        for expression in index.expressions:
            inner = [each for each in _flat(expression) if isinstance(each, Upper)]
            columns = [each for upper in inner for each in upper.get_source_expressions()]
            found.update(str(vars(each)["name"]) for each in columns if isinstance(each, F))
    return found


def _flat(expression: Any) -> Iterator[Any]:
    yield expression
    for inner in expression.get_source_expressions() if hasattr(expression, "get_source_expressions") else ():
        if inner is not None:
            yield from _flat(inner)


def _target(model: type[Model], path: str) -> type[Model]:
    return get_fields_from_path(model, path)[-1].model


def _is_last_four(text: str) -> bool:
    return len(text) == LAST_FOUR and text.isascii() and text.isdigit()
