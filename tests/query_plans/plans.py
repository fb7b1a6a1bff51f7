"""Which indexes the statements of an operation use, and which tables they read from end to end."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

EXPLAINED = ("SELECT", "UPDATE", "DELETE", "WITH", "(SELECT")


@dataclass
class Seen:
    """Of one operation: the indexes that its plans use, and each table that a statement scans, with the statement."""

    whole: dict[str, str] = field(default_factory=dict)
    indexes: set[str] = field(default_factory=set)
    scans: list[tuple[str, str]] = field(default_factory=list)

    def read(self, plan: dict[str, Any], statement: str) -> None:
        """Takes in one node of a plan with all that is below it."""
        if plan["Node Type"] == "Seq Scan":
            self.scans.append((self._whole(plan["Relation Name"]), statement))
        if "Index Name" in plan:
            self.indexes.add(self._whole(plan["Index Name"]))
        for below in plan.get("Plans", ()):
            self.read(below, statement)

    def _whole(self, name: str) -> str:
        """Returns a table or an index by its own name, and a partition or its index by that of the whole."""
        self.whole = self.whole or wholes()
        return self.whole.get(name, name)


@contextmanager
def watched() -> Iterator[Seen]:
    """Explains every statement that Django sends meanwhile, just before it runs; what was written is undone."""
    seen = Seen()

    def explained(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        statement = str(sql)
        if not many and statement.lstrip().upper().startswith(EXPLAINED):
            explain(seen, statement, params)
        return execute(sql, params, many, context)

    # A savepoint and no atomic block: operations that may not run in a transaction of a caller see none.
    before = transaction.savepoint()
    try:
        with connection.execute_wrapper(explained):
            yield seen
    finally:
        transaction.savepoint_rollback(before)


def explain(seen: Seen, statement: str, params: Any) -> None:
    """Adds the plan of one statement."""
    with connection.connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", params)
        (answer,) = cursor.fetchone()
    plans = json.loads(answer) if isinstance(answer, str) else answer
    for each in plans:
        seen.read(each["Plan"], statement)


def wholes() -> dict[str, str]:
    """Of which table each partition is, and of which index each partition's index.

    Empty partitions are left out: months to come and the default one are read as a whole, which is nothing.
    """
    with connection.connection.cursor() as cursor:
        cursor.execute(
            "SELECT part.relname, whole.relname FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid "
            "JOIN pg_class whole ON whole.oid = inhparent WHERE part.relkind = 'i' OR part.reltuples > 0"
        )
        return dict(cursor.fetchall())


def counters() -> dict[str, int]:
    """How often this transaction has read each table from end to end so far, also inside functions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, seq_scan FROM pg_stat_xact_user_tables")
        found, names = Counter[str](), wholes()
        for name, scans in cursor.fetchall():
            found[names.get(name, name)] += scans
        return dict(found)
