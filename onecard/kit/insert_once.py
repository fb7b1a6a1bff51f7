"""Inserts rows that are written once, by one statement and without a read before it."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model
from django.db.models.expressions import DatabaseDefault
from psycopg import sql

from onecard.kit.transactions import require_transaction


def insert_once(row: Model, *, unique: tuple[str, ...]) -> bool:
    """Inserts a row and sets its key; returns False when a row with the same `unique` columns exists.

    It waits for another transaction that inserts the same row. Raises TransactionError outside a transaction, and
    IntegrityError for any other constraint.
    """
    require_transaction(f"The row of {row._meta.db_table}")
    values = _values(row)
    statement = _statement(row._meta.db_table, tuple(values), unique, str(row._meta.pk.column))
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values.values()))
        made = cursor.fetchone()
    if made is None:
        return False
    row.pk, row._state.adding = made[0], False
    return True


def _values(row: Model) -> dict[str, Any]:
    """Returns each column's value, without those that the database fills."""
    values: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        is_key = field.primary_key and row.pk is None
        if not is_key and not isinstance(getattr(row, field.attname), DatabaseDefault):
            values[str(field.column)] = field.get_db_prep_save(field.pre_save(row, add=True), connection)
    return values


# Composing it each time would cost about as much as running it.
@cache
def _statement(table: str, columns: tuple[str, ...], unique: tuple[str, ...], key: str) -> str:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO NOTHING RETURNING {}").format(
        sql.Identifier(table),
        _names(columns),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        _names(unique),
        sql.Identifier(key),
    )
    return statement.as_string()


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
