"""`manage.py export_catalogue [FILE]`: writes the reward catalogue so that `import_catalogue` reads it again."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from onecard.kit import clock
from routing.catalogue import rows
from routing.catalogue.entries import entries_of
from routing.catalogue.files import write_file
from routing.management.commands.export_rankings import write_whole


class Command(BaseCommand):
    help = "Writes the published reward catalogue as a JSON file, one entry a line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="where to write (by default to the terminal)")

    def handle(self, *, file: Path | None, **_options: Any) -> None:
        text = write_file(entries_of(rows.read()), as_of=clock.now().date())
        if file is None:
            self.stdout.write(text, ending="")
            return
        try:
            write_whole(file, text)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
