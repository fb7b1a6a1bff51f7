"""`manage.py import_rankings FILE`: imports rankings from JSON or CSV, all or none."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from routing.rankings.entry import RankingsError
from routing.rankings.formats import FORMATS, format_of
from routing.rankings.importing import import_rankings


class Command(BaseCommand):
    help = "Imports rankings from a JSON or CSV file. A mistake is named with its line, and then nothing is imported."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the walkthrough's JSON, or CSV with a header")
        parser.add_argument("--format", choices=FORMATS, help="what the file is (by default its ending decides)")
        parser.add_argument("--dry-run", action="store_true", help="check and count, but write nothing")

    def handle(self, *, file: Path, dry_run: bool, **options: Any) -> None:
        with tqdm(unit=" rows", leave=False, disable=None) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            try:
                result = import_rankings(
                    file.read_bytes(),
                    source=file.name,
                    file_format=format_of(file, options["format"]),
                    dry_run=dry_run,
                    progress=show,
                )
            except OSError as error:
                raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
            except RankingsError as error:
                raise CommandError(error.message) from error
        counts = f"{result.created} created, {result.updated} updated, {result.unchanged} unchanged"
        self.stdout.write(f"{file.name}: {counts}.{' Nothing was written (dry run).' if dry_run else ''}")
