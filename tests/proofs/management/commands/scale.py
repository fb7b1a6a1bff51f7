"""`manage.py scale`: the decision's path over millions of rows, turn by turn with the path over an empty database."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tests.proofs.scale import report
from tests.proofs.scale.prove import Wanted, measured

WRITTEN_TO: Final = Path(settings.BASE_DIR) / ".onecard" / "bench" / "scale.json"
INTERRUPTED: Final = 130


class Command(BaseCommand):
    help = (
        "Measures decisions over HTTP over a database with very many cards, purchases and rankings, turn by turn with "
        "one in which nobody bought. Status 1: a statement read a large table as a whole, or an answer was wrong. "
        "Nothing is asserted about speed. Both databases are dropped at the end."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--authorizations", type=int, default=10_000_000, help="purchases of two years (10000000)")
        parser.add_argument("--cards", type=int, default=1_000_000, help="in the filled database (1000000)")
        parser.add_argument("--rankings", type=int, default=100_000, help="ranking rows (100000)")
        parser.add_argument("--empty-cards", type=int, default=100_000, help="in the empty database (100000)")
        parser.add_argument("--warm-cards", type=int, default=10_000, help="that are asked again and again (10000)")
        parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement (6)")
        parser.add_argument("--rounds", type=int, default=3, help="of all of them; medians count (3)")
        parser.add_argument("--to", type=Path, default=WRITTEN_TO, help="file of figures (.onecard/bench/scale.json)")
        parser.add_argument("--most-gb", type=float, default=40.0, help="the filled database may have (40)")

    def handle(self, *, seconds: float, rounds: int, to: Path, **options: Any) -> None:
        wanted = Wanted(**{name: options[name] for name in Wanted.__slots__})
        if wanted.problem:
            raise CommandError(wanted.problem)
        try:
            with _ended_by_terminate():
                run = measured(wanted, seconds=seconds, rounds=rounds)
        except KeyboardInterrupt:
            raise CommandError("Interrupted. Both databases are dropped.", returncode=INTERRUPTED) from None
        self._show(run, to)

    def _show(self, run: report.Run, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps(run.figures, indent=2) + "\n")
        self.stdout.write(report.tables(run))
        self.stdout.write(f"Written to {to}.")
        if run.figures["late"]:
            late = f"{run.figures['late']} purchases were declined for want of time: this machine had too much to do."
            self.stderr.write(self.style.WARNING(late))
        if any(run.scans.values()):
            raise CommandError("A statement read a large table as a whole; the last lines above say which.")
        if run.figures["errors"]:
            raise CommandError(f"{run.figures['errors']} answers were missing or wrong, or declined a purchase.")


@contextmanager
def _ended_by_terminate() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, so that the databases are dropped."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
