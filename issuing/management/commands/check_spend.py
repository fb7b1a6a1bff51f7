"""`manage.py check_spend`: compares what the caps of funding cards hold with the charges and refunds that fill them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from issuing.rewards import spend_sweep


class Command(BaseCommand):
    help = (
        "Compares how full the caps of funding cards are with the charges and refunds of the wallet; --rebuild makes "
        "the sums anew from them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rebuild", action="store_true", help="make every sum anew; decisions go on meanwhile")

    def handle(self, *, rebuild: bool, **_options: Any) -> None:
        if rebuild:
            self.stdout.write(f"Made anew from {spend_sweep.rebuild()} charges.")
        found = spend_sweep.differences()
        if found:
            raise CommandError("\n".join(found))
        self.stdout.write("Every sum is what the charges and refunds make it.")
