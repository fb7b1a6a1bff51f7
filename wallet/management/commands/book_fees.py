"""`manage.py book_fees`: books fees, exchanges, top-ups and payouts from the processor's lists into the ledger.

It can be interrupted and repeated: a booked transaction stays booked once. Exit status: 0 done, 1 when something could
not be booked or is open from an earlier night (a case says what), 2 when the list could not be read to its end, 130
after Ctrl-C.
"""

import datetime as dt
import math
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from tqdm import tqdm

from onecard.kit import clock, display
from onecard.kit.command_options import moment_of
from onecard.kit.errors import OneCardError
from wallet.fees import unbooked as unbooked_fees
from wallet.fees.book import SLICE, Tally, book, earlier_hours, unbooked_since
from wallet.own_money import booking as own_money_booking
from wallet.own_money import reading as own_money_reading

LEFT, IMPOSSIBLE, INTERRUPTED = 1, 2, 130


class Command(BaseCommand):
    help = (
        "Books the processor's fees and exchanges, and our top-ups and payouts, from its lists, each once. "
        "Exit status: 0 done, 1 some are not booked and have a case, 2 not done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since",
            help="from then on, as 2026-11-01 or 2026-11-01T08:00 (3 days before the newest fee in the books)",
        )
        parser.add_argument("--until", help="up to then (now)")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be booked")

    def handle(self, *, since: str | None, until: str | None, dry_run: bool, **_options: Any) -> None:
        try:
            start, end = _moment("--since", since) or unbooked_since(), _moment("--until", until) or clock.now()
            if start >= end:
                raise CommandError("--since must be before --until.", returncode=IMPOSSIBLE)
            tally = _book(start, end, dry_run=dry_run)
            if not dry_run:
                own_money_reading.read(since=start)
                own_money_booking.sweep(work_s=math.inf)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run it again to book the rest.", returncode=INTERRUPTED) from None
        except OneCardError as error:
            said = f"{error.message} What came before stays booked; run it again for the rest."
            raise CommandError(said, returncode=IMPOSSIBLE) from error
        except OperationalError as error:
            raise CommandError("The database does not answer or broke off.", returncode=IMPOSSIBLE) from error
        self._report(start, tally, dry_run=dry_run)

    def _report(self, start: dt.datetime, tally: Tally, *, dry_run: bool) -> None:
        done = "would be booked" if dry_run else "booked"
        self.stdout.write(
            f"{start:%Y-%m-%d %H:%M} to {tally.read_to:%Y-%m-%d %H:%M} UTC: {tally.read} movements, "
            f"{tally.booked} postings {done}, {tally.exchanged} exchanges among them."
        )
        if tally.skipped:
            self.stdout.write(f"  Skipped: {tally.skipped} that could not be read.")
        for currency, minor in sorted(tally.fees.items()):
            self.stdout.write(f"  Fees: {display.money(minor, currency)}")
        for word, count in sorted((+tally.ignored).items()):
            self.stdout.write(f"  Not booked here: {count} of type {word}")
        left = unbooked_fees.open_cases().count()
        if left or (dry_run and tally.skipped):
            raise CommandError(_left(tally, left), returncode=LEFT)


def _book(start: dt.datetime, end: dt.datetime, *, dry_run: bool) -> Tally:
    """Books the window and the earlier hours with open cases."""
    with tqdm(unit=" movements", leave=False, disable=None) as bar:
        tally = book(since=start, until=end, dry_run=dry_run, progress=bar.update)
        for hour in earlier_hours(before=start):
            tally.add(book(since=hour, until=min(hour + SLICE, start), dry_run=dry_run, progress=bar.update))
        return tally


def _left(tally: Tally, left: int) -> str:
    if not left:
        return f"{tally.skipped} could not be read; without --dry-run each has a case."
    cases = "1 case of a balance transaction is" if left == 1 else f"{left} cases of balance transactions are"
    failed = f"{tally.failed} could not be booked (the log says why). " if tally.failed else ""
    return f"{failed}{cases} open: see Cases in the back office."


def _moment(option: str, text: str | None) -> dt.datetime | None:
    return None if text is None else moment_of(option, text, returncode=IMPOSSIBLE)
