"""What a purchase earns, and what routing gained over a plain 1x card. Pure."""

from dataclasses import astuple, dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from onecard.kit.errors import OneCardError
from onecard.kit.money import Money

# Cents a unit, as in the walkthrough: cautious, face value, best use. Cash is worth its face at all three.
VALUATIONS_CENTS = (Decimal("0.5"), Decimal("1.0"), Decimal("1.5"))
FACE_CENTS = Decimal("1.0")
# The rewards book counts in millionths, and its columns have eight bytes.
MICRO_PLACES = 6
LARGEST_MICRO = 2**63 - 1


class RewardTooLargeError(OneCardError):
    """More units than the rewards book can hold: no personal purchase earns trillions."""

    code = "reward_too_large"


@dataclass(frozen=True, slots=True)
class Reward:
    """An estimate: units earned, their value in whole currency units at each valuation, and the gain over 1x."""

    units: Decimal
    values: tuple[Decimal, ...]
    value: Decimal
    baseline_units: Decimal
    baseline_value: Decimal

    @property
    def benefit(self) -> Decimal:
        """The face value beyond what the same purchase earns at 1x."""
        return self.value - self.baseline_value

    @property
    def benefit_percent(self) -> Decimal:
        return self.benefit / self.baseline_value * 100 if self.baseline_value else Decimal(0)


def estimate(*, amount: Money, reward_rate: Decimal, reward_type: str) -> Reward:
    """Returns what `amount` earns at `reward_rate` units per whole currency unit (docs/routing.md, Example).

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


@dataclass(frozen=True, slots=True)
class Booked:
    """A reward as the rewards book stores it: whole millionths of a unit, and of the currency unit for its value."""

    units_micro: int
    value_low_micro: int
    value_face_micro: int
    value_high_micro: int
    baseline_micro: int

    def __neg__(self) -> "Booked":
        return Booked(*(-number for number in astuple(self)))


def book(reward: Reward) -> Booked:
    """Returns a reward in whole millionths, each rounded half-even from the exact decimal.

    Raises RewardTooLargeError for what eight bytes cannot hold.
    """
    numbers = [_micro(number) for number in (reward.units, *reward.values, reward.baseline_value)]
    if max(numbers) > LARGEST_MICRO:
        raise RewardTooLargeError(f"{reward.units} units are more than the rewards book can hold.")
    return Booked(*numbers)


def share(whole: Booked, *, returned_minor: int, amount_minor: int, taken: Booked) -> Booked:
    """Returns what a refund takes of a charge's reward: the share of `returned_minor` in `amount_minor`.

    `taken` is what earlier refunds took. Each refund takes the difference to the proportional sum so far, rounded
    half-even, so the refund that completes the amount takes all that is left, and none takes more.
    """
    part = Fraction(min(returned_minor, amount_minor), amount_minor)
    return Booked(
        *(
            min(max(round(number * part) - gone, 0), number - gone)
            for number, gone in zip(astuple(whole), astuple(taken), strict=True)
        )
    )


def _micro(number: Decimal) -> int:
    return int(number.scaleb(MICRO_PLACES).to_integral_value(ROUND_HALF_EVEN))
