"""A line is the charge with its amount and the nearest day; each is given away once, in whatever order they come."""

import datetime as dt
import random

from hypothesis import given
from hypothesis import strategies as st

from issuing.statements.matching import EARLIER, LATER, Moved, Wanted, match

DAY = dt.date(2026, 11, 10)
NUMBERS = st.tuples(st.integers(0, 30), st.sampled_from((100, 200, -100)))


def day(number: int) -> dt.date:
    return DAY + dt.timedelta(days=number)


def charge(key: int, made: int, amount: int = 4500, finished: int | None = None) -> Moved:
    return Moved(("charge", key), day(made), day(made if finished is None else finished), amount)


def test_the_nearest_day_wins_and_nothing_is_given_twice() -> None:
    lines = [Wanted(1, day(0), 4500), Wanted(2, day(2), 4500), Wanted(3, day(2), 4500)]
    assert match(lines, [charge(7, 2), charge(8, 0)]) == {1: ("charge", 8), 2: ("charge", 7)}


def test_other_amounts_and_days_outside_the_window_do_not_match() -> None:
    before, after = DAY - EARLIER, DAY + LATER
    one = dt.timedelta(days=1)
    for posted, found in ((before, True), (before - one, False), (after, True), (after + one, False)):
        assert bool(match([Wanted(1, posted, 4500)], [charge(7, 0)])) is found
    assert match([Wanted(1, after + one, 4500)], [charge(7, 0, finished=3)])
    assert not match([Wanted(1, DAY, 4501), Wanted(2, DAY, -4500)], [charge(7, 0)])
    refund = Moved(("refund", 9), DAY, DAY, -4500)
    assert match([Wanted(2, DAY, -4500)], [charge(7, 0), refund]) == {2: ("refund", 9)}


@given(st.lists(NUMBERS, max_size=8), st.lists(NUMBERS, max_size=8), st.randoms())
def test_the_order_of_rows_does_not_matter(
    lines: list[tuple[int, int]], moved: list[tuple[int, int]], rng: random.Random
) -> None:
    wanted = [Wanted(number, day(on), amount) for number, (on, amount) in enumerate(lines)]
    charges = [charge(number, on, amount) for number, (on, amount) in enumerate(moved)]
    found = match(wanted, charges)
    rng.shuffle(wanted)
    rng.shuffle(charges)
    assert match(wanted, charges) == found
    assert len(set(found.values())) == len(found)
