"""`manage.py prove_purchases`: very many purchases while a share of everything fails, and both sides counted.

It has a database, a broker and a product of its own. Exit status: 0 when nothing was lost or paid twice, all that is
open has its case and every currency's accounts sum up to 0; 1 otherwise.
"""

import os
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from tqdm import tqdm

from onecard.dev.errors import LauncherError
from tests.proofs.own_database import own_database
from tests.proofs.purchases.count import shown
from tests.proofs.purchases.http import SandboxHttp
from tests.proofs.purchases.prove import Plan, Report, prove
from tests.proofs.stack import ProofStack, proof_stack
from tests.proofs.surroundings import pointed_at, rich_world

POLICIES = ("charge_now", "hold_then_capture")
# Of Stripe's events a purchase makes six or seven, with those of its charges.
EVENTS_A_PURCHASE = 12


class Command(BaseCommand):
    help = "Buys very much through the sandbox while a share of everything fails, on a fresh database, and counts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=100_000, help="purchases (100000)")
        parser.add_argument("--fail", type=float, default=5.0, help="percent of each kind of thing that fails (5)")
        parser.add_argument("--seed", type=int, default=None, help="of the purchases and the faults; printed")
        parser.add_argument("--policy", choices=POLICIES, default="", help="how funding cards are charged")
        parser.add_argument("--threads", type=int, default=12, help="terminals at which people pay (12)")
        parser.add_argument("--workers", type=int, default=3, help="of the queue (3)")
        parser.add_argument("--relays", type=int, default=1, help="of the outbox (1)")

    def handle(
        self,
        *,
        count: int,
        fail: float,
        seed: int | None,
        policy: str,
        threads: int,
        workers: int,
        relays: int,
        **_options: Any,
    ) -> None:
        if min(count, threads, workers, relays) < 1 or not 0 <= fail <= 50:
            raise CommandError("--count, --threads, --workers and --relays must be at least 1, --fail from 0 to 50.")
        seed = random.randrange(2**32) if seed is None else seed
        self.stdout.write(f"{count} purchases, {fail} % of everything fails, seed {seed}")
        more = {"FUNDING_POLICY": policy} if policy else {}
        with _quick_database() as url, rich_world() as world, tqdm(total=count, unit=" purchases", disable=None) as bar:
            try:
                kept = count * EVENTS_A_PURCHASE
                with proof_stack(os.environ, database_url=url, world=world, events_kept=kept, more=more) as stack:
                    plan = Plan(
                        purchases=count,
                        seed=seed,
                        fail_percent=fail,
                        threads=threads,
                        start=lambda: stack.start(workers=workers, relays=relays),
                        check=stack.check,
                        stop=stack.stop,
                        progress=bar.update,
                        tell=lambda said: bar.write(f"  {said}", file=self.stdout),
                    )
                    report = _prove(stack, plan)
            except LauncherError as error:
                raise CommandError(str(error)) from error
        self._show(report)
        if not report.is_good:
            raise CommandError("The proof failed; the figures above say how.")

    def _show(self, report: Report) -> None:
        for name, value in _rows(report).items():
            self.stdout.write(f"  {name:<71} {value}")
        for kind in ("lost", "doubled", "unexplained", "wrong_in_ledger"):
            for sentence in shown(getattr(report.count, kind)):
                self.stdout.write(f"  {kind}: {sentence}")


def _prove(stack: ProofStack, plan: Plan) -> Report:
    program = (stack.values["MARQETA_APPLICATION_TOKEN"], stack.values["MARQETA_ADMIN_ACCESS_TOKEN"])
    http = SandboxHttp(stack.sandbox_url, api_key=stack.values["STRIPE_API_KEY"], program=program)
    with pointed_at(stack.values), closing(http), redis.Redis.from_url(stack.redis_url) as broker:
        return prove(plan, http, broker)


@contextmanager
def _quick_database() -> Iterator[str]:
    """A database of its own that answers before the disk has it: nobody pulls its plug in this proof."""
    with own_database() as url, connection.cursor() as cursor:
        name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
        cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit TO off")
        yield url


def _rows(report: Report) -> dict[str, object]:
    seen, count, mending = report.seen, report.count, report.mending
    rate = sum(seen.lives.values()) / seen.seconds
    return {
        **{f"lives: {kind}": times for kind, times in sorted(seen.lives.items())},
        "lives: declined at their first message": seen.declined,
        "people with a card": report.people,
        "traffic": f"{seen.seconds:.1f} s, {rate:.1f} purchases a second",
        "all of it": f"{sum(report.seconds.values()):.1f} s",
        "came to rest by itself": "yes" if report.came_to_rest else "no",
        "requests to the sandbox": report.weather["requests"],
        "webhooks and questions sent": report.weather["deliveries"],
        **{f"fault: {kind}": times for kind, times in report.weather["met"].items()},
        "faults": sum(report.weather["met"].values()),
        "broker wiped": f"{seen.wiped} times, {seen.messages_wiped} tasks gone",
        **{f"comparison with issuers: {kind}": times for kind, times in sorted(mending.healed.items())},
        "comparison with issuers: left for a person": mending.left_by_sync,
        **{f"reconciliation: {kind}": times for kind, times in sorted(mending.found.items())},
        "reconciliation: repaired": mending.repaired,
        **{f"second reconciliation: {kind}": times for kind, times in sorted(mending.left.items())},
        **{f"task failed: {name}": times for name, times in mending.task_failures.items()},
        **{f"cases open: {kind}": times for kind, times in sorted(count.cases.items())},
        "approved by issuers": f"{count.purchases}, rows here {report.rows}",
        "movements at issuers": count.movements,
        "charges and refunds at the processor": f"{count.charges}, {count.refunds}",
        "net taken by merchants": dict(count.taken_by_merchants),
        "net paid by funding cards": dict(count.paid_by_cards),
        "differences that an open case explains": count.explained,
        "lost": len(count.lost),
        "doubled": len(count.doubled),
        "unexplained": len(count.unexplained),
        "wrong in the ledger": len(count.wrong_in_ledger),
        "sum of all accounts": dict(count.accounts),
    }
