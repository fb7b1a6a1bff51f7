"""CPU seconds of a process with all that it has started, from /proc; PostgreSQL's backends are its children."""

import os
from pathlib import Path
from typing import Final

from django.db import connection

TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


def seconds_of(pid: int) -> float:
    """Returns the CPU seconds of a process and its descendants, those that have ended included."""
    parents = dict(_processes())
    family, size = {pid}, 0
    while len(family) != size:
        size = len(family)
        family |= {each for each, fields in parents.items() if int(fields[1]) in family}
    # User and system time, its own and that of its ended children (proc(5), stat).
    return sum(sum(map(int, parents[each][11:15])) for each in family if each in parents) / TICKS_A_SECOND


def postmaster() -> int:
    """Returns the process that started this process's session of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(_fields(Path("/proc") / str(cursor.fetchone()[0]))[1])


def _processes() -> list[tuple[int, list[str]]]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((int(folder.name), _fields(folder)))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _fields(folder: Path) -> list[str]:
    return (folder / "stat").read_text().rpartition(")")[2].split()
