"""Which indexes the statements of an operation use, and which tables they read from end to end."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

EXPLAINED = ("SELECT", "UPDATE", "DELETE", "WITH", "(SELECT")


@dataclass
class Seen:
    """Of one operation: the indexes that its plans use, and each table that a statement scans, with the statement."""

    indexes: set[str] = field(default_factory=set)
    scans: list[tuple[str, str]] = field(default_factory=list)

    def read(self, plan: dict[str, Any], statement: str) -> None:
        """Takes in one node of a plan with all that is below it."""
        if plan["Node Type"] == "Seq Scan":
            self.scans.append((plan["Relation Name"], statement))
        if "Index Name" in plan:
            self.indexes.add(plan["Index Name"])
        for below in plan.get("Plans", ()):
            self.read(below, statement)


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


def counters() -> dict[str, int]:
    """How often this transaction has read each table from end to end so far, also inside functions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, seq_scan FROM pg_stat_xact_user_tables")
        return dict(cursor.fetchall())
