"""`manage.py import_catalogue [FILE]`: publishes the entries of a reward catalogue, all or none."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from routing.catalogue import drafting
from routing.catalogue.entries import CatalogueError
from routing.value.catalogue_file import SHIPPED


class Command(BaseCommand):
    help = (
        "Publishes the entries of a reward catalogue at once; entries that the file does not name stay. Every mistake "
        "is named, and then nothing is imported. Staff import into a draft instead, which a second person publishes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", default=SHIPPED, help="by default the shipped catalogue")

    def handle(self, *, file: Path, **_options: Any) -> None:
        try:
            new, changed = drafting.publish_file(file, command="import_catalogue")
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except CatalogueError as error:
            raise CommandError("\n".join(error.problems)) from error
        self.stdout.write(f"{file.name}: {new} created, {changed} changed.")
