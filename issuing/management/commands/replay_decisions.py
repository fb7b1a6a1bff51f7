"""`manage.py replay_decisions`: proves that each stored decision comes out again from its trace alone.

Exit status: 0 all that can be made again came out the same; 1 some did not; 2 wrong arguments, 130 after Ctrl-C.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from issuing.backtest import proof
from onecard.kit.command_options import moment_of

DIFFER, WRONG, INTERRUPTED = 1, 2, 130


class Command(BaseCommand):
    help = (
        "Makes each stored decision again by the engine from its trace alone, the newest first, and names each that "
        "comes out otherwise. It changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", help="from this moment on, such as 2026-11-01 (by default all)")
        parser.add_argument("--limit", type=int, help="this many of the newest at most (by default all)")

    def handle(self, *, since: str | None, limit: int | None, **_options: Any) -> None:
        first = moment_of("--since", since, returncode=WRONG) if since is not None else None
        if limit is not None and limit < 1:
            raise CommandError(f"--limit is {limit}; write how many decisions, at least 1.", returncode=WRONG)
        total = proof.count(since=first, limit=limit)
        try:
            with tqdm(total=total, unit=" decisions", leave=False, disable=None) as bar:
                found = proof.prove(since=first, limit=limit, report=self.stderr.write, progress=bar.update)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run it again.", returncode=INTERRUPTED) from None
        self._report(found)
        if found.differing:
            raise CommandError(f"{found.differing:,} decisions come out otherwise.", returncode=DIFFER)

    def _report(self, found: proof.Proof) -> None:
        self.stdout.write(f"{found.looked_at:,} decisions looked at.")
        for strategy, count in sorted(found.same.items()):
            self.stdout.write(f"{count:>12,}  by {strategy} came out the same")
        self.stdout.write(f"{found.without_choice:>12,}  chose no card: an unknown card, no time, or taken back")
        if found.too_short:
            self.stdout.write(
                f"{found.too_short:>12,}  cannot be made again: stored by a release whose traces hold less"
            )
        self.stdout.write(f"{found.differing:>12,}  came out otherwise")
