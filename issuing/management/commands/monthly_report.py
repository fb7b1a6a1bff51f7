"""`manage.py monthly_report --month 2026-10`: what people earned in a month and what was possible; --send sends it.

Exit status: 0 done, 1 when a report could not be made or sent (the log says which and why), 2 wrong arguments, 130
after Ctrl-C, which loses nothing: what is sent is sent, and is not sent again.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from tqdm import tqdm

from issuing.rewards.monthly import mail
from issuing.rewards.monthly.months import MonthError, month_for, month_named
from issuing.rewards.monthly.report import Report, reports_of
from issuing.rewards.monthly.words import hint_of
from wallet.models import Cardholder

log = logging.getLogger(__name__)

LEFT, WRONG, INTERRUPTED = 1, 2, 130
NOTHING: Final = "Nobody has a report of this month to come: nobody bought anything, or all have theirs."


class Command(BaseCommand):
    help = (
        "Shows a month's report of a cardholder, or with --send sends it, once, to everybody who has none yet. "
        "A worker does the latter by itself in the first days of the next month."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--month", required=True, help="a month of the cardholder's own calendar, such as 2026-10")
        parser.add_argument(
            "--cardholder", metavar="USERNAME", action="append", help="only this login; may be given several times"
        )
        parser.add_argument("--send", action="store_true", help="send each report that was not sent yet")
        parser.add_argument("--dry-run", action="store_true", help="with --send: say who would get one, send nothing")

    def handle(self, *, month: str, cardholder: list[str] | None, send: bool, dry_run: bool, **_options: Any) -> None:
        if dry_run and not send:
            raise CommandError("--dry-run goes with --send; without it nothing is sent anyway.", returncode=WRONG)
        if cardholder is None and not send:
            raise CommandError("Name a --cardholder to show, or --send reports to everybody.", returncode=WRONG)
        try:
            first = month_named(month)
            people = _people(cardholder)
            for each in people if cardholder is not None else ():
                month_for(each, month)
            self._send(first, people, dry_run=dry_run) if send else self._show(first, people)
        except MonthError as error:
            raise CommandError(error.message, returncode=WRONG) from None
        except KeyboardInterrupt:
            raise CommandError("Interrupted; run it again to go on.", returncode=INTERRUPTED) from None

    def _show(self, month: dt.date, people: "QuerySet[Cardholder]") -> None:
        for holder in people:
            self.stdout.write(f"{holder.user.get_username()}, {holder.name}: {month:%B %Y}")
            reports = reports_of(holder, month)
            if not reports:
                self.stdout.write("    No purchase in this month was paid by a funding card.")
            for report in reports:
                self.stdout.writelines(f"    {line}\n" for line in _lines(report))

    def _send(self, month: dt.date, people: "QuerySet[Cardholder]", *, dry_run: bool) -> None:
        sent = failed = 0
        with tqdm(unit=" people", leave=False, disable=None) as bar:
            for keys, _last in mail.everybody_due(month, people):
                for holder in Cardholder.objects.filter(pk__in=keys).select_related("user").order_by("pk"):
                    try:
                        is_sent = self._send_one(holder, month, dry_run=dry_run)
                    except Exception:
                        failed += 1
                        log.exception("the monthly report of cardholder %s could not be made or sent", holder.pk)
                    else:
                        sent += is_sent
                bar.update(len(keys))
        self.stdout.write(f"{sent} {'would be' if dry_run else 'were'} sent." if sent or failed else NOTHING)
        if failed:
            raise CommandError(f"{failed} could not be made or sent; the log says which and why.", returncode=LEFT)

    def _send_one(self, holder: Cardholder, month: dt.date, *, dry_run: bool) -> bool:
        if not dry_run:
            return mail.send(holder_id=holder.pk, month=month)
        has_report = bool(reports_of(holder, month))
        if has_report:
            self.stdout.write(holder.user.get_username())
        return has_report


def _people(logins: Sequence[str] | None) -> "QuerySet[Cardholder]":
    everybody = Cardholder.objects.select_related("user").order_by("pk")
    if logins is None:
        return everybody
    found = everybody.filter(user__username__in=logins)
    missing = set(logins) - set(found.values_list("user__username", flat=True))
    if missing:
        raise CommandError(f"No wallet belongs to a login {min(missing)!r}; the admin lists them.", returncode=WRONG)
    return found


def _lines(report: Report) -> list[str]:
    """Returns a report as lines of text."""
    found = [
        f"{report.spent} in {report.purchases} purchases, earned {report.earned}",
        f"{report.baseline_card or 'No card'} alone: {report.baseline}, so the benefit is {report.benefit}",
        f"possible with hindsight: {report.most} at most, so {report.left} was left",
    ]
    if report.unknown.minor:
        found.append(f"{report.unknown} of it was paid by cards without terms, and is not counted")
    found += [f"{each.name} •••• {each.last_four}: {each.earned} on {each.paid}" for each in report.cards]
    found += [f"not activated: {each.quarter} of {each.card}, up to {each.gain}" for each in report.activations]
    found += [
        f"not in the wallet: {each.product}, up to {each.gain}, {each.net} after its fee" for each in report.new_cards
    ]
    hint = hint_of(report)
    return found + ([hint] if hint else [])
