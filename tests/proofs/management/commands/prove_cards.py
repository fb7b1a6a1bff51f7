"""`manage.py prove_cards`: makes many cards at the issuer's rate limit, with faults, and says whether one was lost.

It has a database and a sandbox of its own. Exit status: 0 when nothing was lost or doubled, more than 99 % were made
and the rate limit was never exceeded; 1 otherwise.
"""

import random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.test.utils import override_settings
from tqdm import tqdm

from issuing.issuers import registry
from issuing.issuers.guard.breaker import close_breaker
from tests.proofs.cards import PROVIDER, Report, make_cardholders, make_many
from tests.proofs.own_database import own_database
from tests.sandbox.running import DEFAULT_API_KEY, RunningSandbox, running_sandbox


class Ordered:
    """The sandbox, as the proof sees it."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self._sandbox = sandbox

    def order_fault(self, fault: str) -> None:
        self._sandbox.order(method="POST", path="/v1/issuing/cards", do=fault)

    def counted(self) -> dict[str, int]:
        return self._sandbox.limits[PROVIDER].to_json()


class Command(BaseCommand):
    help = "Makes many cards through the sandbox at its rate limit, on a fresh database, and counts both sides."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=10_000, help="cards (10000)")
        parser.add_argument("--limit", type=int, default=100, help="the issuer's calls a second (100)")
        parser.add_argument("--workers", type=int, default=8, help="cards made side by side (8)")
        parser.add_argument("--faults", type=float, default=2.0, help="percent of the cards that meet a fault (2)")
        parser.add_argument("--seed", type=int, default=None, help="of the faults; printed")

    def handle(self, *, count: int, limit: int, workers: int, faults: float, seed: int | None, **_options: Any) -> None:
        if min(count, limit, workers) < 1 or not 0 <= faults <= 100:
            raise CommandError("--count, --limit and --workers must be at least 1, --faults from 0 to 100.")
        seed = random.randrange(2**32) if seed is None else seed
        self.stdout.write(f"{count} cards, {limit} calls a second, {faults} % faults, seed {seed}")
        with own_database(), running_sandbox(webhook_url=None, api_key=DEFAULT_API_KEY) as sandbox:
            pointed = {"STRIPE_API_BASE": sandbox.url, "STRIPE_API_KEY": DEFAULT_API_KEY}
            with override_settings(**pointed, STRIPE_CALLS_PER_SECOND=limit):
                registry.clear()
                close_breaker(PROVIDER)
                sandbox.limits[PROVIDER].set(limit)
                with tqdm(total=count, unit=" cards", leave=False, disable=None) as bar:
                    report = make_many(
                        Ordered(sandbox),
                        make_cardholders(count),
                        workers=workers,
                        fault_percent=faults,
                        seed=seed,
                        progress=bar.update,
                    )
                registry.clear()
        self._show(report)
        if not report.is_good:
            raise CommandError("The proof failed; the figures above say how.")

    def _show(self, report: Report) -> None:
        rows = {
            "asked for": report.asked,
            "made at once": report.made_at_once,
            "made in the end": f"{report.made} ({report.success_percent:.2f} %)",
            "at the issuer": report.at_issuer,
            "lost": report.lost,
            "doubled": report.doubled,
            "faults ordered": report.faults,
            "requests": report.requests,
            "refused as too fast": report.refused_as_too_fast,
            "busiest second": f"{report.busiest_second} of {report.limit_per_second}",
            "took": f"{report.seconds:.1f} s, {report.made / report.seconds:.1f} cards a second",
        }
        for name, value in rows.items():
            self.stdout.write(f"  {name:<22}{value}")
