"""Very many purchases with their charges, refunds and postings, and a few hundred differences of every class in them.

Our side is made in the database; the issuer's and the processor's lists are made as they are read
(tests/proofs/reconcile/their_lists.py). Everything follows from the number of a row and the seed.
"""

import datetime as dt
import hashlib
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from issuing.reconcile.compare import Kind
from onecard.kit import clock

# What is planted where; "missing_here" is on the other side only.
BETWEEN_TWO = ("missing_here", "missing_there", "amount", "currency", "state")
PLANTS: dict[str, tuple[str, ...]] = {
    "transactions.stripe": (*BETWEEN_TWO, "duplicate"),
    "charges.stripe": (*BETWEEN_TWO, "duplicate", "unknown_outcome"),
    "refunds.stripe": (*BETWEEN_TWO, "duplicate", "unknown_outcome"),
    "posted_transactions": BETWEEN_TWO,
    "posted_charges": BETWEEN_TWO,
    "posted_refunds": BETWEEN_TWO,
    "purchases_in_clearing": ("state",),
    "purchases_without_charge": ("missing_here",),
}
OF_REFUNDS = ("refunds.stripe", "posted_refunds")
DAYS = 30
Expected = tuple[str, Kind, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many rows each side has, and which of them are made to differ, by comparison and class."""

    rows: int
    seed: int
    begins_at: dt.datetime
    places: dict[tuple[str, str], list[int]]

    @property
    def refunds(self) -> int:
        """One purchase in ten was given back in part."""
        return self.rows // 10

    def at(self, label: str, kind: str) -> list[int]:
        """The numbers that differ so; of "missing_here", numbers beyond those that we have."""
        return self.places.get((label, kind), [])

    def failed_here(self, label: str) -> list[int]:
        """Of those that differ in their state the odd ones: money moved there that we believe never did."""
        return [number for number in self.at(label, "state") if number % 2]

    def moment_s(self, number: int) -> int:
        """Spread over a month that ended yesterday; seconds since 1970."""
        return int(self.begins_at.timestamp()) + number * DAYS * 86_400 // (2 * self.rows)

    def digest(self, of: str, number: int) -> str:
        """32 hexadecimal digits, in an order that has nothing to do with the number."""
        return hashlib.md5(f"{self.seed}:{of}:{number}".encode(), usedforsecurity=False).hexdigest()

    def uuid(self, of: str, number: int) -> str:
        digits = self.digest(of, number)
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def expected(self) -> set[Expected]:
        """What a reconciliation has to find, all of it and nothing else."""
        return {
            (label, Kind(kind), KEYS[label](self, kind, number))
            for (label, kind), numbers in self.places.items()
            for number in numbers
        }


def make_plan(*, rows: int, planted: int, seed: int) -> Plan:
    """Spreads the planted differences evenly over all classes; each is on a purchase of its own."""
    chance, places = random.Random(seed), {}  # type: ignore[var-annotated]
    refunds = rows // 10
    of_refunds = iter(chance.sample(range(1, refunds + 1), min(refunds, planted)))
    others = iter(chance.sample(range(refunds + 1, rows + 1), min(rows - refunds, planted)))
    beyond = itertools.count(rows + 1)
    classes = itertools.cycle([(label, kind) for label, kinds in PLANTS.items() for kind in kinds])
    for label, kind in itertools.islice(classes, planted):
        numbers = beyond if kind == "missing_here" else of_refunds if label in OF_REFUNDS else others
        places.setdefault((label, kind), []).append(next(numbers))
    return Plan(rows, seed, clock.now() - dt.timedelta(days=DAYS + 1), places)


def _purchase_key(_plan: Plan, _kind: str, number: int) -> str:
    return f"authorization:{number}"


KEYS: dict[str, Callable[[Plan, str, int], str]] = {
    "transactions.stripe": lambda plan, _kind, number: f"ipi_{plan.digest('t', number)}",
    "charges.stripe": lambda plan, _kind, number: plan.uuid("c", number),
    "refunds.stripe": lambda plan, _kind, number: plan.uuid("r", number),
    "posted_transactions": lambda _plan, _kind, number: f"card_transaction:{number}",
    "posted_charges": lambda plan, _kind, number: f"charge:{plan.uuid('c', number)}",
    "posted_refunds": lambda plan, _kind, number: f"refund:{plan.uuid('r', number)}",
    "purchases_in_clearing": _purchase_key,
    "purchases_without_charge": _purchase_key,
}


def amount_minor(number: int) -> int:
    """Of a purchase, in cents."""
    return 1000 + number % 9000


def refund_minor(number: int) -> int:
    """What was given back of it, in cents."""
    return 100 + number % 900
