"""Tables without the holes of what earlier tests wrote, for tests of how the planner reads them."""

from collections.abc import Iterable
from typing import Any, Final

# Their rows come with a migration, and they refer to tables that are filled.
SHIPPED: Final = ("issuing_control", "issuing_controlversion")
# An earlier test may have had small tables counted, and PostgreSQL would not look at an index of two rows.
UNCOUNTED: Final = """
UPDATE pg_class SET relpages = 0, reltuples = -1
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND reltuples <> -1
"""


def begin_anew(cursor: Any, tables: Iterable[str]) -> None:
    """Empties tables and gives each a new file, in the caller's transaction.

    Rows that fill holes lie in no order, and to look many of them up seems dearer than to read the table as a whole.
    """
    cursor.execute(UNCOUNTED)
    cursor.execute("SET LOCAL session_replication_role = replica")
    for table in SHIPPED:
        cursor.execute(f"CREATE TEMPORARY TABLE shipped_{table} ON COMMIT DROP AS TABLE {table}")
    cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
    for table in SHIPPED:
        cursor.execute(f"INSERT INTO {table} SELECT * FROM shipped_{table}")
    cursor.execute("SET LOCAL session_replication_role = origin")
