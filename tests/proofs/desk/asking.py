"""Asks the addresses as a logged-in member of staff does, and measures what each takes.

The server time is what this process and its session of the database were busy. On an idle machine that is what passes
on the clock, which is measured as well; on a busy one it is still the page's own.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.db import connection
from django.test import Client

from onecard.kit.row_counts import is_long
from tests.proofs.desk.addresses import Address
from tests.query_plans.plans import watched

KB: Final = 1000


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a page may take: server time of a page and of a search, and its size beside static files."""

    page_ms: float = 500
    search_ms: float = 300
    size_kb: float = 300

    def of(self, kind: str) -> float:
        return self.search_ms if kind == "search" else self.page_ms


@dataclass(slots=True)
class Answer:
    """What one address took: the quicker of two, after one that warmed the caches."""

    address: Address
    status: int
    ms: float
    wall_ms: float
    queries: int
    kb: float
    slowest_ms: float
    slowest: str
    scans: list[str] = field(default_factory=list)

    def problems(self, bounds: Bounds) -> list[str]:
        """Returns what is over its bound, in words."""
        found = [f"reads as a whole {table}" for table in self.scans]
        if self.status >= 500:
            found.append(f"status {self.status}")
        if self.ms > bounds.of(self.address.kind):
            found.append(f"{self.ms:.0f} ms of {bounds.of(self.address.kind):.0f}")
        if self.kb > bounds.size_kb:
            found.append(f"{self.kb:.0f} kB of {bounds.size_kb:.0f}")
        return found


def ask_all(
    client: Client, asked: Sequence[Address], *, times: int = 3, each: Callable[[Answer], None] = lambda _answer: None
) -> Iterator[Answer]:
    """Asks every address so many times, the first one to warm the caches; what leads elsewhere or refuses, once."""
    with connection.cursor() as cursor:
        # Helpers of the database would not be measured.
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    for address in asked:
        answer = _ask(client, address)
        if answer.status == 200 and times > 1:
            answer = min((_ask(client, address) for _ in range(times - 1)), key=lambda found: found.ms)
        each(answer)
        yield answer


def scans_of(client: Client, address: Address) -> list[str]:
    """Returns the long tables that an address reads as a whole, with the statement; in a caller's transaction."""
    with watched() as seen:
        client.get(address.url, SERVER_NAME="localhost")
    long_tables = {model._meta.db_table for model in apps.get_models() if is_long(model)}
    return sorted({f"{table}: {_short(statement)}" for table, statement in seen.scans if table in long_tables})


def _ask(client: Client, address: Address) -> Answer:
    timed: list[tuple[float, str]] = []

    def timing(execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(statement, params, many, context)
        finally:
            timed.append(((time.perf_counter() - began) * 1000, str(statement)))

    began, busy = time.perf_counter(), _busy_s()
    with connection.execute_wrapper(timing):
        response = client.get(address.url, SERVER_NAME="localhost")
        size = _size_of_view(response)
    wall_ms, ms = (time.perf_counter() - began) * 1000, (_busy_s() - busy) * 1000
    if ms <= 0:  # The page has replaced its session of the database, whose time is lost.
        ms = wall_ms
    slowest_ms, slowest = max(timed, default=(0.0, ""))
    return Answer(
        address, response.status_code, min(ms, wall_ms), wall_ms, len(timed), size / KB, slowest_ms, _short(slowest)
    )


def _size_of_view(response: Any) -> int:
    """Returns the bytes that a person waits for: of a file that streams its beginning. A file to keep is no view."""
    if response.streaming:
        return len(next(iter(response), b""))
    is_file = response.get("Content-Disposition", "").startswith("attachment")
    return 0 if is_file else len(response.content)


def _busy_s() -> float:
    """Returns how long this process and its session of the database have had a processor so far."""
    connection.ensure_connection()
    session = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    try:
        of_database = int(session.read_text().split()[0]) / 1e9
    except (OSError, ValueError):  # A database on another machine: what passes is all that can be seen.
        return time.perf_counter()
    return time.process_time() + of_database


def _short(statement: str) -> str:
    """Returns what a statement does to which table, and how it begins to choose."""
    tables = re.findall(r'(?:FROM|UPDATE|INTO) "?(\w+)"?', statement)
    where = statement.partition(" WHERE ")[2]
    return " ".join(f"{statement[:6]} {'+'.join(dict.fromkeys(tables))} {where}".split())
