"""The statements that must find nothing, a file for each topic: tests/proofs/chaos/invariants/*.sql.

They read our tables and what the sandbox says (said.sql). Nothing of the product's code has a part in them. A file is a
list of statements; above each stands `-- I4, I7. A sentence.`, which names the rules of docs/money-safety.md.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

FOLDER: Final = Path(__file__).with_name("invariants")
HEAD: Final = re.compile(r"^-- (I\d+(?:, I\d+)*)\. (.+)$")
SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Invariant:
    """One statement; each row that it finds breaks the rule."""

    topic: str
    rules: tuple[str, ...]
    sentence: str
    sql: str

    @property
    def name(self) -> str:
        """The rules and the sentence."""
        return f"{', '.join(self.rules)}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Broken:
    """How many rows break a rule, and the first of them."""

    invariant: Invariant
    count: int
    first: tuple[tuple[Any, ...], ...]


def read_invariants(folder: Path = FOLDER) -> list[Invariant]:
    """Returns them all, by topic; raises ValueError for a statement without its rules and sentence."""
    return [each for path in sorted(folder.glob("*.sql")) for each in _read(path)]


def broken(link: psycopg.Connection[Any], invariants: list[Invariant]) -> list[Broken]:
    """Returns those that do not hold."""
    found = []
    for each in invariants:
        rows = link.execute(each.sql.encode()).fetchall()
        if rows:
            found.append(Broken(each, len(rows), tuple(rows[:SHOWN])))
    return found


def _read(path: Path) -> Iterator[Invariant]:
    for part in path.read_text("utf-8").split(";\n"):
        lines = part.strip().splitlines()
        if not lines:
            continue
        head = HEAD.match(lines[0])
        if head is None:
            raise ValueError(f"{path.name}: a statement begins with `-- I1. A sentence.`, and not with {lines[0]!r}.")
        said = [head[2], *(line.removeprefix("-- ") for line in lines[1:] if line.startswith("--"))]
        yield Invariant(path.stem, tuple(head[1].split(", ")), " ".join(said), part.strip())
