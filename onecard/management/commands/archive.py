"""`manage.py archive --before YYYY-MM --to FOLDER`: takes old months out of the database and into files.

1. Rows that came before their month was made are put into months (onecard/kit/postgresql/partitions.py).
2. For each month of each table before the given one, its rows are written to a file as JSON lines under gzip.
3. The file is read again and compared with the database, row by row. Its SHA-256 and its number of rows lie beside it.
4. Only then the month's partition is dropped, with an entry in the audit trail.

Months younger than the settings say stay; a --before that is too young for all tables is refused. It can be stopped at
any point, even killed, and started again.
"""

from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from onecard.archive import run
from onecard.archive.errors import ArchiveError
from onecard.kit.postgresql import partitions
from onecard.kit.postgresql.partitions import Month

INTERRUPTED: Final = 130  # What shells give for Ctrl-C.


class Command(BaseCommand):
    help = "Writes old months of event bodies and audit entries to files and drops them. Can be interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--before", required=True, metavar="YYYY-MM", help="months before this one")
        parser.add_argument("--to", required=True, metavar="FOLDER", help="an existing folder for the files")
        parser.add_argument("--dry-run", action="store_true", help="say what would be archived, and do nothing")

    def handle(self, *, before: str, to: str, dry_run: bool, **_options: Any) -> None:
        month, folder = _month(before), _folder(to)
        try:
            run.refuse_foreign_role()
            if not dry_run:
                for table in partitions.tables():
                    partitions.add_months(table)
            plans = run.plans(month)
            self._print_young(plans)
            for plan in plans:
                self._carry_out(plan, folder, dry_run=dry_run)
        except ArchiveError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"A file could not be written: {error}. Its month is still in the database.") from error
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted: what is archived is archived; run it again for the rest.", returncode=INTERRUPTED
            ) from None

    def _carry_out(self, plan: run.Plan, folder: Path, *, dry_run: bool) -> None:
        name = plan.kept.table.name
        if not plan.months:
            self.stdout.write(f"{name}: nothing to archive.")
        for month in plan.months:
            count = plan.kept.count(month)
            if dry_run:
                self.stdout.write(f"{name} {month}: {count} rows would be archived.")
                continue
            # Each row is written once, and read once again.
            with tqdm(total=2 * count, desc=f"{name} {month}", unit=" rows", leave=False, disable=None) as bar:
                file = run.archive_month(plan.kept, month, folder, progress=bar.update)
            where = f"{file['rows']} rows are in {folder / file['file']}." if file["file"] else "it was empty."
            self.stdout.write(f"{name} {month}: {where}")

    def _print_young(self, plans: list[run.Plan]) -> None:
        """Says which months stay; raises ArchiveError when no table has months that are old enough for `--before`."""
        young = [plan for plan in plans if plan.is_too_young]
        if len(young) == len(plans):
            raise ArchiveError(" ".join(["Nothing was archived.", *map(_why_it_stays, young)]))
        for plan in young:
            self.stderr.write(_why_it_stays(plan))


def _why_it_stays(plan: run.Plan) -> str:
    name, kept = plan.kept.table.name, plan.kept
    return f"{name} is kept for {kept.months} months ({kept.variable}): its latest --before is {plan.first_kept}."


def _month(text: str) -> Month:
    try:
        return Month.read(text)
    except ValueError:
        raise CommandError(f"--before is {text!r}; write a month like 2026-11.") from None


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_dir():
        raise CommandError(f"--to is {text!r}, which is no folder. Make it first.")
    return folder
