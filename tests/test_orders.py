"""Orders that begin alike share their beginning, and each ends as if it had been told alone."""

import itertools

import pytest

from onecard.users.models import User
from tests.support import orders
from tests.support.factories import UserFactory
from tests.support.orders import drawn, in_each_order

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "APART", 1)


def names() -> list[str]:
    return list(User.objects.order_by("pk").values_list("username", flat=True))


def test_each_order_ends_with_what_was_told_in_it_and_nothing_else() -> None:
    told = list(itertools.permutations(range(4)))
    ends: list[tuple[tuple[int, ...], list[str]]] = []

    in_each_order(
        told,
        tell=lambda place: UserFactory(username=f"{place}"),
        at_end=lambda order: ends.append((order, names())),
    )

    assert ends == [(order, [f"{place}" for place in order]) for order in told]
    assert names() == []


def test_a_beginning_that_orders_share_is_told_once() -> None:
    told: list[int] = []
    in_each_order([(1, 2, 3), (1, 3, 2), (2, 1, 3)], tell=told.append, at_end=lambda _order: None)
    assert told == [1, 2, 3, 3, 2, 2, 1, 3]


def test_what_one_end_does_is_unknown_to_the_next() -> None:
    def end(_order: tuple[int, ...]) -> None:
        assert names() == ["1"]
        UserFactory(username="at the end")

    in_each_order([(1,), (1,), (1,)], tell=lambda place: UserFactory(username=f"{place}"), at_end=end)
    assert names() == []


def test_the_suite_draws_a_third_of_them_and_at_least_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "APART", 3)
    six = list(itertools.permutations(range(3)))

    assert len(drawn(six)) == 2
    assert set(drawn(six)) <= set(six)
    assert drawn([(0, 1)]) == [(0, 1)]
