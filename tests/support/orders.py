"""Events told in several orders, where orders that begin alike share their beginning."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from django.db import transaction

Order = tuple[int, ...]


def in_each_order(orders: Iterable[Order], *, tell: Callable[[int], object], at_end: Callable[[Order], object]) -> None:
    """Tells the events in each of these orders, and looks at the end of each: `tell` is given an event's place.

    What two orders begin with alike is told once. A savepoint takes back what comes after it, so that the next order
    goes on from there. The test needs a transaction around it, as Django's TestCase has.
    """
    _follow(list(orders), (), tell, at_end)


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
