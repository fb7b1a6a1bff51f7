"""What a command that failed on its database says: a sentence on what to do, where there is something to do."""

import psycopg
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from onecard.kit.redaction import redact

# What a statement meets on a database of an older version of the product, or of none.
OTHER_TABLES = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction)


def in_words(error: DatabaseError) -> str:
    """What is wrong with the database and how to mend it; "" for an error that is not the database's own fault."""
    cause = error.__cause__
    if isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None:
        return f"The database cannot be reached. Does it run, and is DATABASE_URL right? {_first_line(cause)}"
    if isinstance(cause, OTHER_TABLES) and _lacks_migrations():
        return f"The database is not of this version: run `manage.py migrate` first. {_first_line(cause)}"
    return ""


def _lacks_migrations() -> bool:
    connection.close()
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _first_line(error: Exception) -> str:
    return f"({redact(str(error)).strip().splitlines()[0]})"
