"""Events told in several orders, where orders that begin alike share their beginning."""

import os
import random
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from django.db import transaction

from tests.support.lengths import length

Order = tuple[int, ...]
# The suite draws one order of so many, at least one of each call; `make proofs` tells them all.
APART = length("ORDERS_APART", short=3, whole=1)
SEED = int(os.environ.get("ORDERS_SEED", "0")) or secrets.randbelow(2**32)


def in_each_order(orders: Iterable[Order], *, tell: Callable[[int], object], at_end: Callable[[Order], object]) -> None:
    """Tells the events in each of these orders, and looks at the end of each: `tell` is given an event's place.

    The suite draws some of the orders and prints the seed; ORDERS_SEED repeats a run, and ORDERS_APART=1 takes all.
    What two orders begin with alike is told once. A savepoint takes back what comes after it, so that the next order
    goes on from there. The test needs a transaction around it, as Django's TestCase has.
    """
    _follow(drawn(list(orders)), (), tell, at_end)


def drawn(orders: list[Order]) -> list[Order]:
    """Returns those of the orders that this run takes, in their order."""
    print(f"orders: seed {SEED}")
    kept = random.Random(f"{SEED}:{orders}").sample(range(len(orders)), -(-len(orders) // APART))
    return [orders[place] for place in sorted(kept)]


@contextmanager
def taken_back() -> Iterator[None]:
    """What is written inside is rolled back at its end. To the product it is no transaction."""
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


def _follow(orders: list[Order], told: Order, tell: Callable[[int], object], at_end: Callable[[Order], object]) -> None:
    if told in orders:
        at_end(told)
    for place in dict.fromkeys(order[len(told)] for order in orders if len(order) > len(told)):
        with taken_back():
            tell(place)
            alike = (*told, place)
            _follow([order for order in orders if order[: len(alike)] == alike], alike, tell, at_end)
