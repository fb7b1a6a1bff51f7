"""`manage.py prove_reconcile`: plants differences in very many rows and says whether a reconciliation finds just those.

It has a database of its own. Exit status: 0 when exactly the planted ones were found, within the seconds and megabytes
that --seconds and --megabytes allow; 1 otherwise.
"""

import random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from tests.proofs.own_database import own_database
from tests.proofs.reconcile.prove import Proof, prove


class Command(BaseCommand):
    help = "Reconciles very many rows with planted differences, on a fresh database, and measures time and memory."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, default=1_000_000, help="purchases on each side (1000000)")
        parser.add_argument("--planted", type=int, default=300, help="differences among them (300)")
        parser.add_argument("--seed", type=int, default=None, help="of where they are; printed")
        parser.add_argument("--seconds", type=float, default=120, help="that it may take (120)")
        parser.add_argument("--megabytes", type=float, default=300, help="of memory that it may need (300)")

    def handle(
        self, *, rows: int, planted: int, seed: int | None, seconds: float, megabytes: float, **_options: Any
    ) -> None:
        if planted < 0 or rows < max(1000, 20 * planted):
            raise CommandError("--rows must be at least 1000 and twenty times --planted, which must not be negative.")
        seed = random.randrange(2**32) if seed is None else seed
        self.stdout.write(f"{rows} purchases on each side, {planted} planted differences, seed {seed}")
        with own_database(), tqdm(unit=" rows", leave=False, disable=None) as bar:

            def advance(label: str, count: int) -> None:
                bar.set_description_str(label)
                bar.update(count)

            proof = prove(rows=rows, planted=planted, seed=seed, progress=advance)
        self._show(proof)
        if not proof.is_exact or proof.seconds > seconds or proof.peak_mb > megabytes:
            raise CommandError("The proof failed; the figures above say how.")

    def _show(self, proof: Proof) -> None:
        figures = {
            "planted": proof.expected,
            "found": proof.told,
            "missed": len(proof.missed),
            "found but not planted": len(proof.unplanned),
            "rows listed by the others": proof.rows_listed,
            "made in": f"{proof.made_in_s:.1f} s",
            "reconciled in": f"{proof.seconds:.1f} s",
            "of that busy here": f"{proof.busy_s:.1f} s",
            "most memory": f"{proof.peak_mb:.0f} MB",
        } | {f"  {label}": f"{seconds:.1f} s" for label, seconds in proof.seconds_of.items()}
        for name, value in figures.items():
            self.stdout.write(f"  {name:<28}{value}")
        for each in [*sorted(proof.missed)[:10], *sorted(proof.unplanned)[:10]]:
            self.stdout.write(f"  {'missed' if each in proof.missed else 'not planted'}: {' '.join(each)}")
