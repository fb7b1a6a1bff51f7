"""`manage.py import_statement FILE --card ID`: imports a funding card's statement and prints what it says."""

import uuid
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from issuing.statements import corrections, importing, unmatched
from issuing.statements.csv_format import StatementError
from issuing.statements.importing import Imported
from onecard.kit import display
from wallet.models import FundingMethod


class Command(BaseCommand):
    help = "Imports a statement (CSV: date, amount, reward) of a funding card, and compares it with what was expected."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="CSV with the columns date, amount and reward")
        parser.add_argument("--card", type=uuid.UUID, required=True, help="the funding card's id, as the API shows it")
        parser.add_argument("--rewards-in", choices=("money", "points"), help="by default as the card's terms pay")
        parser.add_argument("--dry-run", action="store_true", help="check and count, but write nothing")

    def handle(self, *, file: Path, card: uuid.UUID, dry_run: bool, **options: Any) -> None:
        method = FundingMethod.objects.select_related("cardholder", "product").filter(public_id=card).first()
        if method is None:
            raise CommandError(f"No funding card has the id {card}.")
        unit = options["rewards_in"]
        try:
            with file.open("rb") as opened:
                content = opened.read(importing.MOST_READ)
            done = importing.import_statement(
                method=method,
                content=content,
                actor="command:import_statement",
                in_money=None if unit is None else unit == "money",
                dry_run=dry_run,
            )
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except StatementError as error:
            raise CommandError(error.message) from error
        self._say(file, done, dry_run=dry_run)

    def _say(self, file: Path, done: Imported, *, dry_run: bool) -> None:
        counts = f"{done.new} new, {done.repeated} imported before, {done.matched} matched with charges"
        self.stdout.write(f"{file.name}: {counts}.{' Nothing was written (dry run).' if dry_run else ''}")
        if done.statement is None:
            return
        found = corrections.report_of(done.statement)
        self.stdout.write(f"Units expected {found.expected:f}, earned {found.earned:f}, {found.difference:+f}.")
        for each in found.rules:
            rate = f"{each.rule.title}, {each.rule.rate:f}"
            self.stdout.write(f"  {rate}: {len(each.compared)} purchases, {each.difference:+f}")
        for line, why in unmatched.explain(found):
            self.stdout.write(f"  {line.posted_on}, {display.money(line.amount_minor, found.currency)}: {why}")
