"""`manage.py bench`: the decision's path, turn by turn with its two references."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from tqdm import tqdm

from tests.proofs.bench import controlled, cpu, one_commit, report, valued
from tests.proofs.bench.by_value import BY_VALUE, MOST_PEOPLE, ByValue
from tests.proofs.bench.choice import choice_cpu_us
from tests.proofs.bench.guarded import BARE, BOTH, HOOKS, TURNS, Guarded, Side
from tests.proofs.bench.people import make_cards
from tests.proofs.bench.servers import in_memory, product
from tests.proofs.bench.turns import LOADS, OVERLOAD, UNDER_CONTROLS, Turns
from tests.proofs.own_database import connected_to, copy_of_own_database, own_database, url_of

FOLDER = Path(settings.BASE_DIR) / ".onecard" / "bench"


class Command(BaseCommand):
    help = (
        "Measures decisions over HTTP, turn by turn with a function of one commit (A, pgbench) and a server that "
        "stores nothing (B, Node), on a fresh database. Prints ratios; nothing is asserted about speed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement (6)")
        parser.add_argument("--rounds", type=int, default=3, help="of all of them; medians count (3)")
        parser.add_argument("--cards", type=int, default=10_000, help="distinct cards (10 000)")
        names = [*(load.name for load in (*LOADS, UNDER_CONTROLS, BY_VALUE)), OVERLOAD]
        parser.add_argument("--loads", nargs="+", choices=names, default=[], help="these only (all)")
        parser.add_argument("--processes", type=int, default=1, help="of the product's web server (1)")

    def handle(
        self, *, seconds: float, rounds: int, cards: int, processes: int, loads: list[str], **_options: Any
    ) -> None:
        secret = settings.STRIPE_WEBHOOK_SECRETS[0]
        with own_database() as url, ExitStack() as stack:
            make_cards(cards)
            valued.make_people(min(cards, MOST_PEOPLE), first=cards)
            copy = stack.enter_context(_copy_under_controls())
            one_commit.prepare(cards)
            ours, bare, under_controls = (
                stack.enter_context(product(each, processes=processes, is_bare=is_bare))
                for each, is_bare in ((url, False), (url, True), (url_of(copy), False))
            )
            memory = stack.enter_context(in_memory(secret=secret, cards=cards))
            pgbench = one_commit.find_pgbench()
            self._say_what_is_missing(pgbench, memory)
            turns = Turns(cards, seconds, secret, ours, memory, pgbench, cpu.postmaster(), loads)
            name = connection.settings_dict["NAME"]
            sides = [Side(BARE, bare, name), Side(HOOKS, ours, name), Side(BOTH, under_controls, copy)]
            self._run(turns, Guarded(turns, sides), ByValue(turns, bare), rounds)
        self._show(turns)

    def _say_what_is_missing(self, pgbench: object, memory: object) -> None:
        if pgbench is None:
            self.stderr.write(self.style.WARNING("PGBENCH IS MISSING, SO NOTHING IS COMPARED WITH A (one commit)."))
        if memory is None:
            self.stderr.write(self.style.WARNING("NODE IS MISSING, SO NOTHING IS COMPARED WITH B (in memory)."))

    def _run(self, turns: Turns, guarded: Guarded, by_value: ByValue, rounds: int) -> None:
        """Takes the turns, with a bar that shows how far they are."""
        if guarded.is_wanted:
            self._watch(guarded.steps(rounds), total=rounds * TURNS + len(guarded.sides))
        if by_value.is_wanted:
            self._watch(by_value.steps(rounds), total=rounds * 3)
        if turns.is_wanted:
            self._watch(turns.steps(rounds), total=rounds * (2 * len(turns.chosen) + 1) + 1)

    def _watch(self, steps: Iterator[str], *, total: int) -> None:
        with tqdm(steps, total=total, unit="turn", disable=None) as bar:
            for name in bar:
                bar.set_description_str(name)

    def _show(self, turns: Turns) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        found = report.ratios(turns.seen)
        found["value_choice"] = report.choice_share(turns.seen, choice_cpu_us())
        (FOLDER / "latest.json").write_text(json.dumps(found, indent=2) + "\n")
        (FOLDER / "latest.svg").write_text(report.plot(turns.seen))
        self.stdout.write(report.table(turns.seen))
        self.stdout.write(report.guard(turns.seen))
        self.stdout.write(report.overload(turns.seen))
        self.stdout.write(json.dumps(found, indent=2))
        self.stdout.write(f"Written to {FOLDER / 'latest.json'} and {FOLDER / 'latest.svg'}.")


@contextmanager
def _copy_under_controls() -> Iterator[str]:
    with copy_of_own_database("controls") as copy:
        with connected_to(copy):
            controlled.put_into_force()
        yield copy
