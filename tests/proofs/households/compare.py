"""One household's year by each strategy, beside its optimum and its best single card; and the sums of many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from routing.batch.walkthrough import Walkthrough
from routing.value.catalogue_file import shipped_catalogue
from routing.value.matching import Matcher
from routing.value.replay import Replay
from routing.value.wallet import Wallet
from tests.proofs.households.households import Household, make_household
from tests.proofs.households.optimum import Optimum
from tests.proofs.households.posted import posted
from tests.proofs.households.worlds import WORLDS
from wallet.models import Preference

STRATEGIES = ("cash", "rewards", "value")
# A thousandth of a cent is rounding, not money.
LEAST_DOLLARS = 1e-5


class Setting(NamedTuple):
    """What a household is compared under."""

    world: str
    weights: str
    passed_through: bool

    def __str__(self) -> str:
        return f"{self.world}, {self.weights}" + ("" if self.passed_through else ", nothing passed through")


@dataclass(frozen=True, slots=True)
class Compared:
    """Dollars of one household's year; `best_card` is what its best single card would have brought."""

    household: str
    purchases: int
    optimum: float
    best_card: float
    earned: dict[str, float]

    def share(self, strategy: str) -> float:
        return self.earned[strategy] / self.optimum if self.optimum > 0 else 1.0


def compare(setting: Setting, seed: str) -> Compared:
    """Makes the household and plays its year."""
    catalogue = shipped_catalogue()
    matcher = Matcher(catalogue)
    household = make_household(
        WORLDS[setting.world], catalogue, seed, setting.weights, passed_through=setting.passed_through
    )
    wallet, purchases = Wallet(matcher, catalogue, household.holdings), household.purchases
    singles = [posted(wallet, purchases, [pick] * len(purchases)) for pick in range(len(wallet.cards))]
    return Compared(
        household=seed,
        purchases=len(purchases),
        optimum=Optimum(wallet, purchases).solve(),
        best_card=max(singles),
        earned={each: posted(wallet, purchases, _picks(household, each, matcher)) for each in STRATEGIES},
    )


def _picks(household: Household, strategy: str, matcher: Matcher) -> list[int]:
    places = {holding.card: place for place, holding in enumerate(household.holdings)}
    if strategy != "value":
        rules = Walkthrough(matcher, household.holdings, Preference(strategy))
        return [places[rules.choose(each.mcc, each.at)[0]] for each in household.purchases]
    replay = Replay(matcher, shipped_catalogue(), household.holdings)
    picks = []
    for purchase in household.purchases:
        choice = replay.choose(purchase)
        replay.record(purchase, choice)
        picks.append(places[choice.chosen.card.holding.card] if choice.chosen else 0)
    return picks


def summarize(found: Sequence[Compared]) -> dict[str, Any]:
    """Returns percentages of the optimum, in total and of the worst person, and who is below their best single card."""
    optimum = sum(each.optimum for each in found)
    summary: dict[str, Any] = {
        "households": len(found),
        "purchases": sum(each.purchases for each in found),
        "optimum_usd": round(optimum, 2),
    }
    for strategy in STRATEGIES:
        worst = min(found, key=lambda each: each.share(strategy))
        summary[strategy] = {
            "total_percent": round(100 * sum(each.earned[strategy] for each in found) / optimum, 3),
            "worst_percent": round(100 * worst.share(strategy), 2),
            "worst_household": worst.household,
            "below_best_card": [
                each.household for each in found if each.earned[strategy] < each.best_card - LEAST_DOLLARS
            ],
        }
    return summary
