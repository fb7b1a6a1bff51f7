"""`manage.py prove_chaos`: the whole system under load while its parts fail by turns, and every invariant after it.

It has a database, a broker, a sandbox and a product of its own. Exit status: 0 when every invariant holds and every
process recovered by itself; 1 otherwise. docs/chaos.md says what it shows.
"""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from tqdm import tqdm

from onecard.dev.errors import LauncherError
from tests.proofs.chaos.places import Places
from tests.proofs.chaos.plan import MEANING, draw
from tests.proofs.chaos.prove import Run, prove
from tests.proofs.chaos.report import Report, lines
from tests.proofs.chaos.system import LOGS, System, system
from tests.proofs.purchases.http import SandboxHttp
from tests.proofs.surroundings import pointed_at, rich_world

LONG_S, SHORT_S = 1200.0, 120.0
# Of Stripe's events a purchase makes six or seven, with those of its charges; its questions are put twice.
EVENTS_A_PURCHASE = 20


class Command(BaseCommand):
    help = "Stops, kills, silences, slows and cuts off the parts of the system under load, and checks the invariants."

    def add_arguments(self, parser: CommandParser) -> None:
        length = parser.add_mutually_exclusive_group()
        length.add_argument("--short", action="store_true", help="two minutes under load instead of twenty")
        length.add_argument("--seconds", type=float, default=None, help="under load (1200)")
        parser.add_argument("--seed", type=int, default=None, help="of the faults and the purchases; printed")
        parser.add_argument("--rate", type=float, default=3.0, help="purchases a second (3)")
        parser.add_argument("--threads", type=int, default=16, help="terminals at which people pay (16)")

    def handle(
        self, *, short: bool, seconds: float | None, seed: int | None, rate: float, threads: int, **_options: Any
    ) -> None:
        lasts_s: float = (SHORT_S if short else LONG_S) if seconds is None else seconds
        if lasts_s < 1 or rate <= 0 or threads < 1:
            raise CommandError("--seconds and --threads must be at least 1, and --rate more than 0.")
        seed = random.randrange(2**32) if seed is None else seed
        whole_s = round(lasts_s)
        plan = draw(seed, seconds=lasts_s)
        self.stdout.write(f"Chaos for {lasts_s:.0f} s, {rate:g} purchases a second, seed {seed}")
        for fault in plan:
            self.stdout.write(f"  {fault}")
        for kind in dict.fromkeys(fault.kind for fault in plan):
            self.stdout.write(f"  {kind}: {MEANING[kind]}")
        with tqdm(total=whole_s, unit=" s", disable=None) as bar:
            run = Run(
                plan=plan,
                seconds=lasts_s,
                seed=seed,
                a_second=rate,
                threads=threads,
                progress=lambda second: bar.update(min(round(second), whole_s) - bar.n),
                tell=lambda said: bar.write(f"  {said}", file=self.stdout),
            )
            report = _prove(run)
        for line in lines(report):
            self.stdout.write(line)
        if report.wrong:
            raise CommandError(f"The proof failed; seed {seed}, the processes' logs are in {LOGS}.")


def _prove(run: Run) -> Report:
    kept = max(20_000, round(run.seconds * run.a_second) * EVENTS_A_PURCHASE)
    try:
        with rich_world() as world, system(os.environ, world=world, events_kept=kept) as made:
            return _prove_in(run, made)
    except LauncherError as error:
        raise CommandError(str(error)) from error


def _prove_in(run: Run, made: System) -> Report:
    values = made.places.values
    program = (values["MARQETA_APPLICATION_TOKEN"], values["MARQETA_ADMIN_ACCESS_TOKEN"])
    http = SandboxHttp(made.places.urls["sandbox"], api_key=values["STRIPE_API_KEY"], program=program)
    with (
        pointed_at(_without_urls(values)),
        _connected_to(made.places),
        closing(http),
        redis.Redis.from_url(made.places.redis_url) as broker,
    ):
        return prove(run, made, http, broker)


def _without_urls(values: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in values.items() if name != "DATABASE_URL"}


@contextmanager
def _connected_to(places: Places) -> Iterator[None]:
    """This process's connections lead to the database of the system, past the proxy."""
    usual = connections.settings["default"]
    before = dict(usual)
    connections.close_all()
    name = places.database_url.rpartition("/")[2]
    usual.update(HOST=str(places.sockets), PORT="", USER=name, PASSWORD="", NAME=name)
    try:
        yield
    finally:
        connections.close_all()
        usual.clear()
        usual.update(before)
