"""The comparison of two sorted sides, against one that holds everything in dictionaries."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import zip_longest

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issuing.reconcile.compare import Difference, Kind, Row, UnsortedError, classify, compare

KEYS = st.sampled_from(["", "a", "ab", "b", "é", "z", "\U0001f600", "\uffff"])
ROWS = st.builds(
    Row,
    key=KEYS,
    amount_minor=st.integers(0, 2),
    currency=st.sampled_from(["USD", "EUR"]),
    state=st.sampled_from(["settlement", "refund", "unknown"]),
    reference=st.just(""),
    at_s=st.integers(0, 3),
    is_due=st.booleans(),
)
SIDES = st.lists(ROWS, max_size=12).map(lambda rows: sorted(rows, key=lambda row: row.key))


def row(
    key: str = "a", amount: int = 100, currency: str = "USD", state: str = "settlement", *, due: bool = True
) -> Row:
    return Row(key, amount, currency, state, "", 0, due)


def naive(here: list[Row], there: list[Row]) -> Iterator[Difference]:
    ours: dict[str, list[Row]] = defaultdict(list)
    theirs: dict[str, list[Row]] = defaultdict(list)
    for side, rows in ((ours, here), (theirs, there)):
        for each in rows:
            side[each.key].append(each)
    for key in ours.keys() | theirs.keys():
        for place, (mine, other) in enumerate(zip_longest(ours[key], theirs[key])):
            first_mine, first_other = next(iter(ours[key]), None), next(iter(theirs[key]), None)
            if place:
                pairs = [(Kind.DUPLICATE, mine, first_other)] if mine and mine.is_due else []
                pairs += [(Kind.DUPLICATE, first_mine, other)] if other and other.is_due else []
            else:
                due = bool((mine and mine.is_due) or (other and other.is_due))
                found = classify(mine, other)
                pairs = [(found, mine, other)] if found and due else []
            for kind, one, two in pairs:
                yield Difference(kind, key, one, two)


@given(SIDES, SIDES)
@example([], [])
def test_the_merge_finds_what_dictionaries_find(here: list[Row], there: list[Row]) -> None:
    def order(differences: Iterator[Difference]) -> list[str]:
        return sorted(map(repr, differences))

    assert order(compare(here, there)) == order(naive(here, there))


@given(SIDES)
def test_a_side_that_is_whole_does_not_differ_from_itself(rows: list[Row]) -> None:
    single = list({each.key: each for each in rows if each.state != "unknown"}.values())

    assert list(compare(single, single)) == []


@pytest.mark.parametrize(
    ("here", "there", "kind"),
    [
        (None, row(), "missing_here"),
        (row(), None, "missing_there"),
        (row(), row(amount=101), "amount"),
        (row(), row(currency="EUR", amount=90), "currency"),
        (row(), row(state="refund"), "state"),
        (row(amount=1), row(state="refund"), "amount"),
        (row(state="unknown"), None, "unknown_outcome"),
        (row(state="unknown"), row(state="succeeded"), "unknown_outcome"),
        (row(), row(), None),
    ],
)
def test_a_pair_has_one_class_the_gravest(here: Row | None, there: Row | None, kind: str | None) -> None:
    assert classify(here, there) == kind
    found = list(compare([here] if here else [], [there] if there else []))
    assert [each.kind for each in found] == ([kind] if kind else [])


def test_what_is_not_due_needs_no_partner_but_can_be_one() -> None:
    early = row(due=False)

    assert list(compare([early], [])) == list(compare([], [early])) == []
    assert [each.kind for each in compare([early], [row(amount=5)])] == ["amount"]
    assert list(compare([early], [row()])) == []


@pytest.mark.parametrize("side", [0, 1])
def test_a_key_that_comes_twice_is_a_duplicate_of_the_first(side: int) -> None:
    sides = [[row()], [row()]]
    sides[side] = [row(), row(amount=7), row()]

    assert [each.kind for each in compare(*sides)] == ["duplicate", "duplicate"]


@pytest.mark.parametrize("side", [0, 1])
def test_a_side_out_of_order_is_refused_instead_of_calling_rows_missing(side: int) -> None:
    sides = [[row("a"), row("b")], [row("a"), row("b")]]
    sides[side].reverse()

    with pytest.raises(UnsortedError):
        list(compare(*sides))


def test_no_more_than_a_row_of_each_side_is_kept_in_mind() -> None:
    taken = {"here": 0, "there": 0}

    def rows(side: str) -> Iterator[Row]:
        for number in range(10_000):
            taken[side] += 1
            yield row(f"{number:06d}", amount=number % 100 == 0 and side == "here")

    for place, _difference in enumerate(compare(rows("here"), rows("there"))):
        assert max(taken.values()) <= place * 100 + 2
    assert taken == {"here": 10_000, "there": 10_000}
