"""Folds the answers that stand-in gave on this machine into the books. The web server does so by itself.

Exit status: 0 when nothing is left, 1 when answers stay, 2 when it could not be done, 130 after Ctrl-C.
"""

import datetime as dt
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from tqdm import tqdm

from issuing.authorizations import stand_in_fold
from issuing.stand_in import files
from onecard.kit.money import Money

LEFT, IMPOSSIBLE, INTERRUPTED = 1, 2, 130


class Command(BaseCommand):
    help = (
        "Folds the answers that stand-in gave while the database did not answer into the books, each once. "
        "--dry-run lists them and changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="list what waits, and change nothing")

    def handle(self, *, dry_run: bool, **_options: Any) -> None:
        place = files.folder()
        if place is None:
            raise CommandError("STAND_IN_DIR is not set, so stand-in keeps no answers.", returncode=IMPOSSIBLE)
        if dry_run:
            self._list(place)
            return
        try:
            with tqdm(total=sum(1 for _ in stand_in_fold.waiting(place)), leave=False, disable=None) as bar:
                done = stand_in_fold.fold(place, progress=bar.update)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run it again, nothing is doubled.", returncode=INTERRUPTED) from None
        except files.BusyError:
            raise CommandError("Another process is folding them in now.", returncode=IMPOSSIBLE) from None
        except (DatabaseError, OSError) as error:
            raise CommandError(f"Not all could be folded in: {error}", returncode=IMPOSSIBLE) from error
        said = (
            ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(done.outcomes.items()))
            or "nothing waited"
        )
        self.stdout.write(f"Folded in: {said}.")
        if not done.is_complete:
            raise CommandError("Some could not be folded in; the log says why. Their file stays.", returncode=LEFT)
        if done.in_doubt:
            words = "Approvals in doubt wait until their issuer reports the purchase; the web server looks by itself."
            raise CommandError(words, returncode=LEFT)

    def _list(self, place: Path) -> None:
        count = 0
        for count, (entry, is_in_doubt) in enumerate(stand_in_fold.waiting(place), start=1):  # noqa: B007
            asked = entry.asked()
            at = dt.datetime.fromtimestamp(entry.answered_at, dt.UTC)
            answer = entry.reason or ("approved, in doubt" if is_in_doubt else "approved")
            money = Money(asked.amount_minor, asked.currency)
            self.stdout.write(f"{at:%Y-%m-%d %H:%M:%S} {asked.authorization_id} {money} {answer}")
        self.stdout.write(f"{count} answer{' waits' if count == 1 else 's wait'} to be folded in.")
