"""`manage.py prove_desk`: fills a database with very many purchases and asks every page of the back office.

Prints a table: page, server time, statements, size, slowest statement. Exit status: 0 when every page is within its
bounds, 1 otherwise. The database is kept, so that the next run asks at once.
"""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.test import Client
from tqdm import tqdm

from onecard.users.models import User
from tests.proofs.desk.addresses import addresses
from tests.proofs.desk.asking import Answer, Bounds, ask_all, scans_of
from tests.proofs.desk.filling import filled_database
from tests.support.second_step import with_second_factor

LOGIN = "the-proof-of-the-desk"


class Command(BaseCommand):
    help = "Asks every list, search and page of the back office over a million purchases, and measures each."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--purchases", type=int, default=1_000_000, help="in the filled database (1000000)")
        parser.add_argument("--anew", action="store_true", help="fill the database again, although it was kept")
        parser.add_argument("--only", default="", help="ask only addresses whose name or URL contains this")
        parser.add_argument("--all", action="store_true", help="print every address, not only lists, pages and misses")
        parser.add_argument("--structure", action="store_true", help="also look for statements that read a long table")
        parser.add_argument("--page-ms", type=float, default=500, help="a page may take (500)")
        parser.add_argument("--search-ms", type=float, default=300, help="a search may take (300)")

    def handle(self, *, purchases: int, anew: bool, only: str, **options: Any) -> None:
        if purchases < 1000:
            raise CommandError("--purchases must be at least 1000.")
        settings.DEBUG = False
        bounds = Bounds(page_ms=options["page_ms"], search_ms=options["search_ms"])
        with tqdm(unit=" rows", leave=False, disable=None, unit_scale=True) as bar:
            began = time.monotonic()

            def advance(label: str, count: int) -> None:
                bar.set_description_str(label)
                bar.update(count)

            with filled_database(purchases, anew=anew, progress=advance) as name:
                self.stdout.write(f"{name}: {purchases:,} purchases, ready after {time.monotonic() - began:.0f} s")
                answers = self._ask(only, bounds, structure=options["structure"])
        self._show(answers, bounds, everything=options["all"])

    def _ask(self, only: str, bounds: Bounds, *, structure: bool) -> list[Answer]:
        user, _new = User.objects.get_or_create(username=LOGIN, defaults={"is_staff": True, "is_superuser": True})
        # A page that fails is named in the table, and the others are asked all the same.
        client = Client(raise_request_exception=False)
        client.force_login(user)
        with_second_factor(client, user)
        asked = [each for each in addresses(user) if only in each.name or only in each.url]
        if not asked:
            raise CommandError(f"No name and no address contains {only!r}.")
        with tqdm(asked, unit=" pages", leave=False, disable=None) as bar:

            def show(answer: Answer) -> None:
                bar.update()
                if structure and answer.status == 200:
                    with transaction.atomic():
                        answer.scans = scans_of(client, answer.address)
                if answer.problems(bounds):
                    bar.write(f"{answer.address.name}: {', '.join(answer.problems(bounds))}", file=self.stderr)

            return list(ask_all(client, asked, each=show))

    def _show(self, answers: list[Answer], bounds: Bounds, *, everything: bool) -> None:
        missed = [each for each in answers if each.problems(bounds)]
        shown = [each for each in answers if each.status == 200]
        self.stdout.write(f"{'ms':>7} {'clock':>7} {'stmts':>5} {'kB':>6} {'slowest':>8}  page")
        for each in sorted(shown, key=lambda answer: -answer.ms):
            if everything or each in missed or each.address.kind in ("list", "page"):
                self.stdout.write(
                    f"{each.ms:7.0f} {each.wall_ms:7.0f} {each.queries:5} {each.kb:6.0f} {each.slowest_ms:8.1f}  "
                    f"{each.address.kind} {each.address.name}  {each.slowest[:110]}"
                )
        for kind in ("list", "filter", "search", "page"):
            of_kind = [each for each in shown if each.address.kind == kind]
            if of_kind:
                slowest = max(of_kind, key=lambda answer: answer.ms)
                largest = max(each.kb for each in of_kind)
                self.stdout.write(
                    f"{len(of_kind):4} of kind {kind}: at most {slowest.ms:.0f} ms ({slowest.address.name}), "
                    f"at most {largest:.0f} kB"
                )
        elsewhere = [each for each in answers if each.status != 200]
        self.stdout.write(f"{len(elsewhere)} addresses lead elsewhere or refuse, as buttons do that do not apply")
        if missed:
            raise CommandError(f"{len(missed)} of {len(shown)} are over a bound; the table above says which.")
        self.stdout.write(f"All {len(shown)} are within their bounds.")
