"""`manage.py export_rankings [FILE]`: writes the rankings so that `import_rankings` reads them again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from routing.rankings.entry import RankingsError
from routing.rankings.formats import FORMATS, format_of
from routing.rankings.importing import export_rankings


class Command(BaseCommand):
    help = (
        "Exports rankings: CSV has all of them, JSON (the walkthrough's shape) those of whole networks without dates."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="where to write (by default to the terminal)")
        parser.add_argument(
            "--format", choices=FORMATS, help="by default the file's ending decides; csv on the terminal"
        )

    def handle(self, *, file: Path | None, **options: Any) -> None:
        try:
            export = export_rankings(format_of(file or Path("terminal.csv"), options["format"]))
            if file is None:
                self.stdout.write(export.text, ending="")
            else:
                write_whole(file, export.text)
        except RankingsError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
        self.stderr.write(f"{export.rows} rows exported.")
        if export.left_out:
            self.stderr.write(
                f"{export.left_out} rows left out: JSON has no word for single products and dates; --format csv has."
            )


def write_whole(file: Path, text: str) -> None:
    """Replaces a file in one step, so that a failed export leaves the old one. Raises OSError."""
    if file.is_symlink() or (file.exists() and not file.is_file()):
        # A terminal or a pipe cannot be replaced, so it is written to.
        file.write_text(text, encoding="utf-8", newline="")
        return
    new = file.with_name(f".{file.name}.new")
    try:
        new.write_text(text, encoding="utf-8", newline="")
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
