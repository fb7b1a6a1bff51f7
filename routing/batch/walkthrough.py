"""Strategies `cash` and `rewards`: the walkthrough's rules (docs/routing.md) over rankings made from a catalogue."""

import datetime as dt
from collections.abc import Sequence

from routing.engine import Method, Purchase, Row, Rules, choose
from routing.models import RewardClass, Threshold
from routing.reference import MULTIPLIERS, THRESHOLDS
from routing.value.matching import Matcher
from routing.value.ranking_rates import rate_at
from routing.value.terms import Holding
from wallet.models import Preference

RULES = Rules(
    multipliers={(own, kind == RewardClass.CASH): value for (own, kind), value in MULTIPLIERS.items()},
    tie_within=THRESHOLDS[Threshold.Name.TIE_WITHIN],
    significantly_better=THRESHOLDS[Threshold.Name.SIGNIFICANTLY_BETTER],
)


class Walkthrough:
    """Decides one person's purchases by rankings, with one preference for all of them."""

    def __init__(self, matcher: Matcher, holdings: Sequence[Holding], preference: Preference) -> None:
        self._matcher, self._holdings, self._preference = matcher, holdings, preference
        self._methods = [_method(number, holding) for number, holding in enumerate(holdings)]
        self._rows: dict[tuple[str, dt.date], list[Row]] = {}

    def choose(self, mcc: str, at: dt.datetime) -> tuple[str, str]:
        """Returns the card and the rule that picked it."""
        purchase = Purchase(mcc, "USD", at.replace(tzinfo=dt.UTC), at.date())
        choice = choose(purchase, self._methods, self._rows_of(mcc, at.date()), self._preference, RULES)
        return (choice.method.name if choice.method else "", choice.rule)

    def _rows_of(self, mcc: str, day: dt.date) -> list[Row]:
        key = (mcc, day)
        if key not in self._rows:
            self._rows[key] = [
                Row(
                    id=number + 1,
                    version=holding.product.source.version,
                    product_id=number + 1,
                    network=holding.product.network,
                    reward_rate=rate_at(self._matcher, holding.product, mcc, day),
                    reward_type=holding.product.reward_type,
                    valid_from=None,
                    valid_to=None,
                )
                for number, holding in enumerate(self._holdings)
            ]
        return self._rows[key]


def _method(number: int, holding: Holding) -> Method:
    """A funding method that can always be charged, as a batch has it."""
    return Method(
        id=number + 1,
        name=holding.card,
        network=holding.product.network,
        product_id=number + 1,
        last_four="",
        processor_method_id="",
        active=True,
        expiry_year=dt.MAXYEAR,
        expiry_month=12,
        cooling_until=None,
        currencies=("USD",),
        is_backup=holding.is_backup,
        position=number,
    )
