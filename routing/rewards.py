"""What a purchase earns, and what routing gained over a plain 1x card. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from onecard.kit.money import Money

# Cents a unit, as in the walkthrough: cautious, face value, best use. Cash is worth its face at all three.
VALUATIONS_CENTS = (Decimal("0.5"), Decimal("1.0"), Decimal("1.5"))
FACE_CENTS = Decimal("1.0")


@dataclass(frozen=True, slots=True)
class Reward:
    """An estimate: units earned, their worth in whole currency units at each valuation, and the gain over 1x."""

    units: Decimal
    values: tuple[Decimal, ...]
    value: Decimal
    baseline_units: Decimal
    baseline_value: Decimal

    @property
    def benefit(self) -> Decimal:
        """Worth at face value above what the same purchase earns at 1x."""
        return self.value - self.baseline_value

    @property
    def benefit_percent(self) -> Decimal:
        return self.benefit / self.baseline_value * 100 if self.baseline_value else Decimal(0)


def estimate(*, amount: Money, reward_rate: Decimal, reward_type: str) -> Reward:
    """What `amount` earns at `reward_rate` units per whole currency unit (spec section 4, worked example).

    One unit of cash back is one hundredth of the currency unit, so 4.0 is 4 % for cash as well as 4 points a dollar.
    """
    units = amount.major * reward_rate
    cents = [FACE_CENTS if reward_type == "cash" else valuation for valuation in VALUATIONS_CENTS]
    return Reward(
        units=units,
        values=tuple(units * cent / 100 for cent in cents),
        value=units * FACE_CENTS / 100,
        baseline_units=amount.major,
        baseline_value=amount.major * FACE_CENTS / 100,
    )
