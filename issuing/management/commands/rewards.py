"""`manage.py rewards`: what the funding cards earned, by month, card or category; with --rebuild-missing books first.

Exit status: 0 done, 1 when something could not be booked (the log says what), 2 wrong arguments, 130 after Ctrl-C,
which loses nothing: what is booked is booked.
"""

import csv
import datetime as dt
import json
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from issuing.rewards.sweep import book_missing, count_missing
from issuing.rewards.totals import GROUPS, Total, totals
from onecard.kit import clock, display
from onecard.kit.spreadsheet_cells import safe
from wallet.models import Cardholder

LEFT, WRONG, INTERRUPTED = 1, 2, 130
COLUMNS = ("by", "currency", "charges", "spent", "earned", "low", "face", "high", "baseline", "benefit", "percent")


class Command(BaseCommand):
    help = (
        "Totals of the rewards book. With --rebuild-missing it first books what has no entry, however old; "
        "that can be interrupted and repeated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", choices=tuple(GROUPS), default="month", help="what to sum up by (month)")
        parser.add_argument("--cardholder", metavar="USERNAME", help="only this login's cards")
        parser.add_argument("--since", help="from this month on, as 2026-11 or 2026-11-01 (all)")
        parser.add_argument(
            "--format", dest="paper", choices=("table", "json", "csv"), default="table", help="what to print (table)"
        )
        parser.add_argument("--rebuild-missing", action="store_true", help="first book what has no entry")

    def handle(
        self,
        *,
        by: str,
        cardholder: str | None,
        since: str | None,
        paper: str,
        rebuild_missing: bool,
        **_options: Any,
    ) -> None:
        month = _month(since)
        if cardholder is not None and not Cardholder.objects.filter(user__username=cardholder).exists():
            raise CommandError(f"No wallet belongs to a login {cardholder!r}; the admin lists them.", returncode=WRONG)
        failed = self._rebuild(month) if rebuild_missing else 0
        print_as = {"table": self._table, "json": self._json, "csv": self._csv}[paper]
        print_as(totals(by=by, cardholder=cardholder, since=month))
        if failed:
            raise CommandError(f"{failed} could not be booked; the log says which and why.", returncode=LEFT)

    def _rebuild(self, month: dt.date | None) -> int:
        # A day more, since the month begins earlier in the zones of the east.
        start = dt.datetime.combine(month, dt.time(), dt.UTC) - dt.timedelta(days=1) if month else None
        try:
            with tqdm(total=count_missing(since=start), unit=" entries", leave=False, disable=None) as bar:
                tally = book_missing(since=start, progress=bar.update)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run it again to book the rest.", returncode=INTERRUPTED) from None
        self.stderr.write(f"{tally.booked} entries booked.")
        return tally.failed

    def _table(self, found: list[Total]) -> None:
        if not found:
            self.stdout.write("Nothing is booked here. Charges are, within a minute after they succeed.")
        for total in found:
            value = total.value
            low, face, high = (f"{number:,.2f}" for number in (value.low, value.face, value.high))
            self.stdout.write(f"{total.label}: {display.money(value.spent_minor, total.currency)} spent")
            for earned in total.earned:
                self.stdout.write(f"    {earned}, {earned.programme}")
            self.stdout.write(f"    worth {low} / {face} / {high} {total.currency} at 0.5 / 1.0 / 1.5 cents a point")
            self.stdout.write(
                f"    {value.benefit:+,.2f} {total.currency}{_percent(value.benefit_percent)} "
                f"over {value.baseline:,.2f} at 1x"
            )

    def _json(self, found: list[Total]) -> None:
        self.stdout.write(json.dumps([_as_object(total) for total in found], indent=2))

    def _csv(self, found: list[Total]) -> None:
        writer = csv.writer(self.stdout)
        writer.writerow(COLUMNS)
        for total in found:
            row = _as_object(total)
            earned = "; ".join(f"{each}, {each.programme}" for each in total.earned)
            values = [row[column] for column in ("low", "face", "high", "baseline", "benefit")]
            head = [safe(row["label"]), total.currency, row["charges"], row["spent"], safe(earned)]
            writer.writerow([*head, *values, row["benefit_percent"] or ""])


def _as_object(total: Total) -> dict[str, Any]:
    """Numbers as exact text in whole units, so that no reader makes floats of them unasked."""
    value = total.value
    return {
        "key": total.key,
        "label": total.label,
        "currency": total.currency,
        "charges": value.charges,
        "spent": display.money(value.spent_minor, total.currency).split(" ")[0].replace(",", ""),
        "earned": [
            {"programme": each.programme, "type": each.reward_type, "units": _plain(each.units)}
            for each in total.earned
        ],
        **{name: _plain(getattr(value, name)) for name in ("low", "face", "high", "baseline", "benefit")},
        "benefit_percent": None if value.benefit_percent is None else f"{value.benefit_percent:.1f}",
    }


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _percent(number: Decimal | None) -> str:
    return "" if number is None else f" ({number:+.0f} %)"


def _month(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        day = dt.date.fromisoformat(f"{text}-01" if len(text) == 7 else text)
    except ValueError:
        raise CommandError(f"--since is {text!r}; write it like 2026-11.", returncode=WRONG) from None
    if day > clock.now().date() + dt.timedelta(days=1):
        raise CommandError(f"--since lies in the future: {text}.", returncode=WRONG)
    return day.replace(day=1)
