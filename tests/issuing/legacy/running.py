"""The command as a person runs it, and every row of the database to compare."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import CommandError, call_command

from tests.issuing.legacy.documents import write

__all__ = ["Outcome", "all_rows", "run", "run_lines", "write"]


@dataclass
class Outcome:
    """What a run wrote, and how it ended."""

    status: int
    out: str
    err: str
    said: str = ""

    @property
    def bad(self) -> dict[int, str]:
        """Reasons by line number."""
        lines = [re.fullmatch(r".*?:(\d+): (.*)", line) for line in self.err.splitlines()]
        return {int(line[1]): line[2] for line in lines if line}

    def count(self, label: str) -> int:
        """The number behind a label of the table; 0 when there is no such row."""
        found = re.search(rf"^{re.escape(label)}.*? (\d+)$", self.out, re.MULTILINE)
        return int(found[1]) if found else 0


def run(*files: Path, **options: Any) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    status, said = 0, ""
    try:
        call_command("import_legacy", *map(str, files), stdout=out, stderr=err, **options)
    except CommandError as error:
        status, said = error.returncode, str(error)
    return Outcome(status, out.getvalue(), err.getvalue(), said)


def run_lines(folder: Path, *lines: Any, **options: Any) -> Outcome:
    """Imports these documents from a new file."""
    return run(write(folder / "old.jsonl", list(lines)), **options)


def all_rows() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of ours, whole."""
    return {
        model._meta.db_table: sorted(model._base_manager.values_list(), key=repr)
        for model in apps.get_models()
        if model.__module__.split(".")[0] in ("onecard", "issuing", "routing", "wallet", "audit")
    }
