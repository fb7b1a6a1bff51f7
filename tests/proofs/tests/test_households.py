"""`make bench-routing`: its optimum, what issuers post, and its sums, on years that are small enough to check."""

import datetime as dt

import pytest

from routing.value.spend import Purchase
from routing.value.terms import Holding
from routing.value.wallet import Wallet
from tests.proofs.households.compare import Compared, Setting, compare, summarize
from tests.proofs.households.households import make_household
from tests.proofs.households.optimum import Optimum
from tests.proofs.households.posted import posted
from tests.proofs.households.worlds import WORLDS
from tests.routing.value.golden import CATALOGUE, MATCHER

FLAT, TOP, DISCOVER = "wells-fargo-active-cash", "citi-custom-cash", "discover-it-cash-back"


def wallet(*cards: str) -> Wallet:
    quarters = {f"2025Q{quarter}": None for quarter in range(1, 5)}
    holdings = [Holding(card, CATALOGUE.products[card], activations=quarters) for card in cards]
    return Wallet(MATCHER, CATALOGUE, holdings)


def buy(day: str, mcc: str, dollars: int) -> Purchase:
    return Purchase(dt.datetime.fromisoformat(f"{day}T12:00"), mcc, "Shop", dollars * 100)


def test_the_optimum_fills_a_cap_with_what_gains_most() -> None:
    """1,500 dollars at 5 %: all dining, and the other 500 dollars at 2 %."""
    year = [buy("2025-01-10", "5812", 1000), buy("2025-02-10", "5812", 1000)]

    assert Optimum(wallet(DISCOVER, FLAT), year).solve() == pytest.approx(75 + 10)


def test_the_optimum_has_one_top_category_a_month() -> None:
    """Gas for 400 dollars at 7 % (5 points of 1.4 cents), dining at 2 %; in February the other way round."""
    year = [buy("2025-01-10", "5541", 400), buy("2025-01-11", "5812", 300)]
    year += [buy("2025-02-10", "5541", 100), buy("2025-02-11", "5812", 600)]

    assert Optimum(wallet(TOP, FLAT), year).solve() == pytest.approx(28 + 6 + 2 + 35 + 2)


def test_issuers_post_the_top_category_of_the_whole_month() -> None:
    year = [buy("2025-01-10", "5541", 100), buy("2025-01-11", "5812", 300)]

    assert posted(wallet(TOP, FLAT), year, [0, 0]) == pytest.approx(1.4 + 21)
    assert posted(wallet(TOP, FLAT), year, [0, 1]) == pytest.approx(7 + 6)


def test_a_seed_makes_the_same_household_whatever_points_weigh() -> None:
    ours, same = (make_household(WORLDS["tuned"], CATALOGUE, "7", weights) for weights in ("preference", "programme"))

    assert ours.purchases == same.purchases
    assert [each.card for each in ours.holdings] == [each.card for each in same.holdings]
    assert ours.purchases != make_household(WORLDS["tuned"], CATALOGUE, "8", "preference").purchases


@pytest.mark.only_in_proofs
@pytest.mark.parametrize("world", WORLDS)
def test_no_strategy_earns_more_than_the_optimum(world: str) -> None:
    found = compare(Setting(world, "preference", passed_through=True), "bound")

    assert 0.95 * found.optimum < found.earned["value"]
    assert max(found.earned.values()) <= found.optimum * (1 + 1e-6)
    assert found.best_card <= found.earned["value"]


def test_sums_name_the_worst_person_and_those_below_their_best_card() -> None:
    one = Compared("one", 10, 100.0, 90.0, {"cash": 80.0, "rewards": 95.0, "value": 99.0})
    two = Compared("two", 10, 300.0, 200.0, {"cash": 250.0, "rewards": 199.0, "value": 300.0})

    found = summarize([one, two])

    assert found["value"] == {
        "total_percent": 99.75,
        "worst_percent": 99.0,
        "worst_household": "one",
        "below_best_card": [],
    }
    assert found["cash"]["below_best_card"] == ["one"]
    assert found["rewards"]["below_best_card"] == ["two"]
