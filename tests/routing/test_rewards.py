"""What a purchase earns, with the spec's own example."""

from decimal import Decimal

import pytest

from onecard.kit.money import Money
from routing.rewards import estimate


def test_the_walkthroughs_purchase() -> None:
    reward = estimate(amount=Money(4500, "USD"), reward_rate=Decimal(3), reward_type="points")
    assert reward.units == 135
    assert reward.values == (Decimal("0.675"), Decimal("1.35"), Decimal("2.025"))
    assert reward.value == Decimal("1.35")
    assert (reward.baseline_units, reward.baseline_value) == (45, Decimal("0.45"))
    assert (reward.benefit, reward.benefit_percent) == (Decimal("0.90"), 200)


def test_cash_is_worth_its_face_at_every_valuation() -> None:
    reward = estimate(amount=Money(4500, "USD"), reward_rate=Decimal(2), reward_type="cash")
    assert reward.values == (Decimal("0.90"),) * 3
    assert reward.benefit == Decimal("0.45")


@pytest.mark.parametrize("reward_type", ["points", "miles", "default"])
def test_whatever_is_not_cash_has_three_valuations(reward_type: str) -> None:
    reward = estimate(amount=Money(10000, "USD"), reward_rate=Decimal(1), reward_type=reward_type)
    assert reward.values == (Decimal("0.5"), Decimal(1), Decimal("1.5"))


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        (Money(4500, "USD"), 90),
        (Money(4500, "JPY"), 9000),
        (Money(4500, "KWD"), 9),
        (Money(1, "KWD"), Decimal("0.002")),
    ],
)
def test_units_are_earned_per_whole_unit_of_the_currency(amount: Money, units: Decimal) -> None:
    assert estimate(amount=amount, reward_rate=Decimal(2), reward_type="points").units == units


def test_a_card_that_earns_less_than_1x_costs_something() -> None:
    reward = estimate(amount=Money(10000, "USD"), reward_rate=Decimal("0.5"), reward_type="points")
    assert (reward.benefit, reward.benefit_percent) == (Decimal("-0.5"), -50)


def test_a_purchase_of_nothing_earns_nothing() -> None:
    reward = estimate(amount=Money(0, "USD"), reward_rate=Decimal(3), reward_type="points")
    assert (reward.units, reward.benefit, reward.benefit_percent) == (0, 0, 0)
