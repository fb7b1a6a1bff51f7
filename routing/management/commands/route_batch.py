"""`manage.py route_batch`: decides the purchases of a file by the product's own engine."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from routing.batch.errors import BatchInputError
from routing.batch.purchases import read_purchases
from routing.batch.run import STRATEGIES, decide, write_decisions
from routing.batch.wallets import read_wallets
from routing.value.catalogue_file import SHIPPED, CatalogueFileError, read_catalogue


class Command(BaseCommand):
    help = (
        "Decides purchases for wallets, each with its timestamp as now and what the person has spent so far, by the "
        "terms of the shipped reward catalogue. It reads and changes no database. expected_value_minor is in cents, "
        "exact, with decimals: the reward by the weights, less the foreign fee. A mistake is named with its file and "
        "line, and then nothing is written."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wallets", type=Path, required=True, help="JSON with the users and their cards")
        parser.add_argument("--purchases", type=Path, required=True, help="CSV with the purchases")
        parser.add_argument("--out", type=Path, required=True, help="CSV to write, one line for each purchase")
        parser.add_argument("--strategy", choices=STRATEGIES, default="value", help="how to choose (value)")
        parser.add_argument(
            "--weights",
            choices=("preference", "programme"),
            default="preference",
            help="what a point is worth: by the user's preference, or each programme's cents (preference)",
        )
        parser.add_argument("--catalogue", type=Path, default=SHIPPED, help="another than the shipped one")
        parser.add_argument(
            "--not-passed-through", action="store_true", help="issuers see our merchant code, so only base rates count"
        )

    def handle(self, *, wallets: Path, purchases: Path, out: Path, strategy: str, weights: str, **options: Any) -> None:
        if not out.parent.is_dir():
            raise CommandError(f"{out} cannot be written: there is no folder {out.parent}.")
        try:
            catalogue = read_catalogue(options["catalogue"])
            passed_through = not options["not_passed_through"]
            people = read_wallets(wallets, catalogue, weights, passed_through=passed_through)
            lines = read_purchases(purchases, people)
        except BatchInputError as error:
            raise CommandError(error.message) from error
        except CatalogueFileError as error:
            raise CommandError(str(error)) from error
        with tqdm(total=len(lines), unit=" purchases", leave=False, disable=None) as bar:
            decided = decide(lines, people, catalogue, strategy, bar.update)
        try:
            write_decisions(out, lines, decided)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        total = sum((each.value_minor for each in decided), start=0) / 100
        self.stdout.write(f"{len(lines)} purchases of {len(people)} users: {total:.2f} USD expected. Written to {out}.")
