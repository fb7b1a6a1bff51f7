"""`manage.py purchase`: one simulated purchase, end to end."""

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from onecard.demo.purchase import simulate
from onecard.demo.timeline import render
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money


class Command(BaseCommand):
    help = (
        "Simulates one purchase through the issuer's test helper and prints its timeline. Ends with status 0 when it "
        "was declined, or approved and charged; with 1 when it ended otherwise than --expect says, or was not charged."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mcc", default="5812", help="merchant category code (5812)")
        parser.add_argument("--amount", default="45.00", help="in whole currency units, such as 45.00 (45.00)")
        parser.add_argument("--currency", default="USD", help="ISO 4217 code (USD)")
        parser.add_argument("--merchant", default="Starbucks Coffee", help="the merchant's name (Starbucks Coffee)")
        parser.add_argument("--card", default="", help="the issuer's card id (the demo world's card)")
        parser.add_argument("--wait", type=float, default=20.0, help="seconds to wait for the charge (20)")
        parser.add_argument(
            "--expect", choices=["any", "approved", "declined"], default="any", help="for scripts (any)"
        )

    def handle(self, *, expect: str, wait: float, **options: Any) -> None:
        try:
            report = simulate(
                mcc=options["mcc"],
                amount=Money.parse(options["amount"], options["currency"].upper()),
                merchant=options["merchant"],
                card_id=options["card"] or _demo_card(),
                wait_s=wait,
                waiting=self._waiting,
            )
        except OneCardError as error:
            raise CommandError(error.message) from error
        self._waiting("", 0)
        self.stdout.write(render(report))
        approved = "approved" if report.issuer_approved else "declined"
        if not report.succeeded or expect not in ("any", approved):
            raise CommandError(f"The purchase was {approved}, but it did not end as it should.")

    def _waiting(self, what: str, left_s: float) -> None:
        """One line that is written over, on a terminal only."""
        if sys.stderr.isatty():
            line = f"waiting for {what}, {left_s:.0f} s left" if what else ""
            self.stderr.write(f"\r{line:<60}\r", ending="")


def _demo_card() -> str:
    world = json.loads((settings.FIXTURES_DIR / "demo_world.json").read_text(encoding="utf-8"))
    return str(world["virtual_card"]["issuer_card_id"])
