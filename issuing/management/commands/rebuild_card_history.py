"""Builds what decisions know of each card's past anew from the stored decisions.

Exit status: 0 when all is built or, with --dry-run, equal; 1 when a dry run found differences, 2 when the database did
not answer, 130 after Ctrl-C.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from issuing.history import rebuilding
from issuing.models import VirtualCard

DIFFER, IMPOSSIBLE, INTERRUPTED = 1, 2, 130


class Command(BaseCommand):
    help = (
        "Builds the past of every card (issuing_cardhistory) anew from its stored decisions, while purchases go on. "
        "--dry-run compares and changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count the cards whose past differs, change nothing")

    def handle(self, *, dry_run: bool, **_options: Any) -> None:
        try:
            with tqdm(total=VirtualCard.objects.count(), leave=False, disable=None, unit="card") as bar:
                done = rebuilding.rebuild(is_rehearsal=dry_run, progress=bar.update)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run it again.", returncode=INTERRUPTED) from None
        except DatabaseError as error:
            raise CommandError(f"Not all could be built: {error}", returncode=IMPOSSIBLE) from error
        if dry_run and done.differing:
            raise CommandError(
                f"{done.differing} of {done.cards} cards have another past than their decisions give; run it without "
                "--dry-run.",
                returncode=DIFFER,
            )
        changed = "nothing was changed" if dry_run else f"{done.differing} changed"
        self.stdout.write(f"{done.cards} cards looked at, {changed}.")
