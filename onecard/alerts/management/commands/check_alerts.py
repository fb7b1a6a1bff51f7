"""Evaluates the alerts once, without queue and clock, and prints what is open."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from onecard.alerts import evaluation, incidents, sending
from onecard.alerts.registry import RULES
from onecard.alerts.rule import Condition, counted
from onecard.kit import display

OPEN = 1


class Command(BaseCommand):
    help = (
        "Evaluates the alerts once, sends what is due, and prints the incidents that are not resolved. It needs "
        "neither queue nor clock: a timer of the machine notices when those stand still. Status 1: some are open."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="measure and print, but write and send nothing")

    def handle(self, *, dry_run: bool, **_options: Any) -> None:
        found = self._measure() if dry_run else self._evaluate()
        if not found:
            self.stdout.write(f"Nothing is wrong: {len(RULES)} rules were measured.")
            return
        for line in found:
            self.stdout.write(line)
        how = "would be opened or continued" if dry_run else "not resolved"
        raise CommandError(f"{counted(len(found), 'incident', 'incidents')} {how}.", returncode=OPEN)

    def _measure(self) -> list[str]:
        found = evaluation.measure()
        return [_line(kind, each) for kind, conditions in found.items() for each in conditions]

    def _evaluate(self) -> list[str]:
        evaluation.evaluate()
        sending.send_due()
        return [
            f"{row.get_severity_display()}, {row.get_status_display().lower()} for {display.age(row.opened_at)}: "
            f"{row}. {row.latest}"
            for row in incidents.unresolved().order_by("pk")
        ]


def _line(kind: str, condition: Condition) -> str:
    name = f"{kind} {condition.key}".strip()
    return f"{condition.severity.capitalize()}: {name}. {condition.summary}"
