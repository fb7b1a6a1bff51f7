"""Takes this machine's snapshot of cards for stand-in. The web server runs it by itself."""

import os
import sqlite3
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from tqdm import tqdm

from issuing.stand_in import files, snapshot_writing


class Command(BaseCommand):
    help = "Takes the snapshot of cards that stand-in decides by while the database does not answer."

    def handle(self, *args: Any, **options: Any) -> None:
        place = files.folder()
        if place is None:
            raise CommandError("STAND_IN_DIR is not set, so there is no place for a snapshot.")
        # Decisions on this machine come first.
        os.nice(10)
        try:
            with tqdm(unit=" cards", leave=False, disable=None) as bar:
                count = snapshot_writing.take(place, progress=bar.update)
        except files.BusyError:
            self.stdout.write("Another process is taking the snapshot.")
            return
        except (OSError, sqlite3.Error, DatabaseError) as error:
            raise CommandError(f"No snapshot was taken, and the one before stays: {error}") from error
        self.stdout.write(f"{count} card{'' if count == 1 else 's'} in the snapshot.")
