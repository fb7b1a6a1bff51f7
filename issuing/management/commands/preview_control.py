"""`manage.py preview_control CONTROL`: what a control would have done to the purchases of the last days.

Exit status: 0 done, 2 wrong arguments, 130 after Ctrl-C: a worker then finishes the preview, for the back office.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from issuing.backtest.controls import asking
from issuing.backtest.controls import preview as work
from issuing.models import Control, ControlPreview, ControlVersion
from onecard.kit import display

WRONG = 2


class Command(BaseCommand):
    help = "Judges the stored purchases of the last days by a control, its counters included, and changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("control", type=int, help="the control's number, as its page's address has it")
        parser.add_argument("--number", type=int, help="the version (by default the newest)")
        parser.add_argument("--days", type=int, default=asking.DEFAULT_DAYS, help="how many days (30)")
        parser.add_argument("--format", dest="paper", choices=("table", "json"), default="table")
        parser.add_argument("--examples", type=int, default=10, help="how many purchases are listed (10)")

    def handle(
        self, *, control: int, number: int | None, days: int, paper: str, examples: int, **_options: Any
    ) -> None:
        version = _version(control, number)
        try:
            preview = asking.ask(version=version, user=None, days=days)
        except asking.PreviewRefusedError as error:
            raise CommandError(error.message, returncode=WRONG) from error
        self._work(preview)
        (self._json if paper == "json" else self._table)(preview, max(0, examples))

    def _work(self, preview: ControlPreview) -> None:
        with tqdm(total=100, unit="%", desc="tried", leave=False, disable=None) as bar:
            while preview.status == ControlPreview.Status.RUNNING:
                work.go_on(preview_id=preview.pk, work_s=1)
                preview.refresh_from_db()
                bar.update(asking.progress_percent(preview) - bar.n)

    def _table(self, preview: ControlPreview, examples: int) -> None:
        self.stdout.write(f"{preview.version}, {preview.days} days: {preview.get_status_display().lower()}.")
        self.stdout.write(
            f"{preview.looked_at:,} decisions looked at, {preview.unreadable:,} unreadable. {preview.hits:,} hits; "
            f"{preview.newly_declined:,} approved then would be declined, {preview.newly_approved:,} the reverse."
        )
        for day, currencies in sorted(preview.days_found.items()):
            for currency, (hits, minor, changed) in sorted(currencies.items()):
                self.stdout.write(
                    f"{day}  {hits:>7,} hits  {display.money(minor, currency):>18}  {changed:>7,} changed"
                )
        for each in preview.found.all()[:examples]:
            amount = display.money(each.amount_minor, each.currency)
            self.stdout.write(
                f"{each.decided_at:%Y-%m-%d %H:%M:%S}  {each.merchant_name}  {amount}  {each.effect}  {each.reference}"
            )
        if preview.is_cut:
            self.stdout.write(f"Ended at {preview.looked_at:,} decisions, the most that one preview looks at.")

    def _json(self, preview: ControlPreview, examples: int) -> None:
        names = ("status", "days", "looked_at", "unreadable", "hits", "newly_declined", "newly_approved", "is_cut")
        found = {name: getattr(preview, name) for name in names} | {"by_day": preview.days_found}
        columns = (
            "decision_id",
            "reference",
            "merchant_name",
            "mcc",
            "decided_at",
            "effect",
            "amount_minor",
            "currency",
        )
        found["examples"] = [
            {name: getattr(each, name) for name in columns} | {"decided_at": each.decided_at.isoformat()}
            for each in preview.found.all()[:examples]
        ]
        self.stdout.write(json.dumps(found, indent=2))


def _version(key: int, number: int | None) -> ControlVersion:
    control = Control.objects.filter(pk=key).first()
    if control is None:
        raise CommandError(f"There is no control {key}; the back office lists them.", returncode=WRONG)
    versions = control.versions.select_related("control").order_by("-number")
    found = versions.filter(number=number).first() if number is not None else versions.first()
    if found is None:
        numbers = ", ".join(str(each.number) for each in versions) or "none"
        raise CommandError(f"Control {key} has no version {number}; it has: {numbers}.", returncode=WRONG)
    return found
