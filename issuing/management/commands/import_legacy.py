"""`manage.py import_legacy FILE …`: takes the old system's documents from JSON lines, and names each bad line.

Exit status: 0 when all is in, 1 when there were bad lines (the good ones are in), 2 when it could not begin or go on,
130 after Ctrl-C. It can be stopped at any point and started again; a second run of the same file changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from tqdm import tqdm

from issuing.legacy.document_kinds import Kind
from issuing.legacy.error_report import ReportError, report_file
from issuing.legacy.importing import BATCH_LINES, BadLine, ImportOptions, import_files
from issuing.legacy.summary import Summary
from issuing.models import Provider
from onecard.kit.crypto import NoKeyError, first_key

BAD_LINES, UNUSABLE, INTERRUPTED = 1, 2, 130
AUTO: Final = "auto"


class Command(BaseCommand):
    help = (
        "Imports old VirtualCard and Transaction documents from JSON lines. Bad lines are named as FILE:LINE: reason "
        "and left out. Safe to run twice. Exit status: 0 all in, 1 some lines were bad, 2 could not run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", metavar="FILE", nargs="+", type=Path, help="JSON lines, as mongoexport writes them"
        )
        parser.add_argument("--dry-run", action="store_true", help="judge every line, but write nothing")
        parser.add_argument(
            "--kind", choices=(AUTO, *Kind.values), default=AUTO, help="what the lines are (auto: by its fields)"
        )
        parser.add_argument(
            "--provider-default", choices=Provider.values, help="the issuer of cards that name none (else they are bad)"
        )
        parser.add_argument("--report", type=Path, help="also write the bad lines to this .jsonl or .csv file")
        parser.add_argument("--batch", type=int, default=BATCH_LINES, help=f"lines in a commit ({BATCH_LINES})")

    def handle(self, *, files: Sequence[Path], report: Path | None, **options: Any) -> None:
        _check(files, report, options["batch"])
        kind = options["kind"]
        wanted = ImportOptions(
            dry_run=options["dry_run"],
            kind=None if kind == AUTO else kind,
            provider_default=options["provider_default"],
            batch=options["batch"],
        )
        summary, interrupted = Summary(), False
        try:
            with self._reporting(report) as report_line, _bar(files) as bar:
                import_files(
                    files, wanted, report=report_line, progress=lambda size: _advance(bar, size), summary=summary
                )
        except KeyboardInterrupt:
            interrupted = True
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be used: {error.strerror}.", returncode=UNUSABLE) from error
        except OperationalError as error:
            # Its text may repeat a statement; its class says enough beside the server's own log.
            said = "The database does not answer or broke off: what is done is done; run it again for the rest."
            raise CommandError(said, returncode=UNUSABLE) from error
        except ReportError as error:
            raise CommandError(error.message, returncode=UNUSABLE) from error
        self._end(summary, dry_run=wanted.dry_run, interrupted=interrupted)

    @contextmanager
    def _reporting(self, report: Path | None) -> Iterator[Callable[[BadLine], None]]:
        with ExitStack() as stack:
            also = stack.enter_context(report_file(report)) if report else None

            def report_line(bad: BadLine) -> None:
                with tqdm.external_write_mode():
                    self.stderr.write(f"{bad.place}: {bad.reason}")
                if also:
                    also(bad)

            yield report_line

    def _end(self, summary: Summary, *, dry_run: bool, interrupted: bool) -> None:
        self.stdout.write(summary.table())
        if dry_run:
            self.stdout.write("Nothing was written (dry run).")
        if interrupted:
            raise CommandError("Interrupted: what is done is done; run it again for the rest.", returncode=INTERRUPTED)
        if summary.bad:
            what = "1 line is bad and was" if summary.bad == 1 else f"{summary.bad} lines are bad and were"
            raise CommandError(f"{what} not imported; each is named above.", returncode=BAD_LINES)


def _check(files: Sequence[Path], report: Path | None, batch: int) -> None:
    """Refuses what cannot work before anything is written."""
    if batch < 1:
        raise CommandError("--batch must be at least 1.", returncode=UNUSABLE)
    for file in files:
        # Read twice, so it cannot be a pipe.
        if not file.is_file():
            raise CommandError(f"{file} is not a file that can be read.", returncode=UNUSABLE)
        if report and report.exists() and report.samefile(file):
            raise CommandError(f"{report} is to be imported; write the report elsewhere.", returncode=UNUSABLE)
    if len({file.resolve() for file in files}) < len(files):
        raise CommandError("A file is named twice.", returncode=UNUSABLE)
    try:
        if settings.STORE_CARD_DATA:
            first_key()
    except NoKeyError as error:
        raise CommandError(error.message, returncode=UNUSABLE) from error


def _advance(bar: "tqdm[Any]", size: int) -> None:
    bar.update(size)


def _bar(files: Sequence[Path]) -> "tqdm[Any]":
    """Bytes over both passes, on a terminal only."""
    total = 2 * sum(file.stat().st_size for file in files)
    return tqdm(total=total, unit="B", unit_scale=True, leave=False, disable=None)
