"""The rows that the rules need: multipliers, thresholds (docs/routing.md) and the MCC list."""

import csv
from decimal import Decimal
from typing import Any

from django.conf import settings

from routing.models import MerchantCategory, PreferenceMultiplier, RewardClass, Rulebook, Threshold
from wallet.models import Preference

MULTIPLIERS = {
    (Preference.CASH, RewardClass.CASH): Decimal("1.0"),
    (Preference.CASH, RewardClass.OTHER): Decimal("0.5"),
    (Preference.REWARDS, RewardClass.CASH): Decimal("1.0"),
    (Preference.REWARDS, RewardClass.OTHER): Decimal("1.3"),
}
THRESHOLDS = {Threshold.Name.TIE_WITHIN: Decimal("0.01"), Threshold.Name.SIGNIFICANTLY_BETTER: Decimal("1.5")}


def load_missing(**_signal: Any) -> None:
    """Adds missing rows after every migrate; values that staff have edited stay."""
    Rulebook.objects.get_or_create(pk=1)
    for (preference, reward_class), multiplier in MULTIPLIERS.items():
        PreferenceMultiplier.objects.get_or_create(
            preference=preference, reward_class=reward_class, defaults={"multiplier": multiplier}
        )
    for name, value in THRESHOLDS.items():
        Threshold.objects.get_or_create(name=name, defaults={"value": value})
    MerchantCategory.objects.bulk_create(_listed_categories(), ignore_conflicts=True)


def _listed_categories() -> list[MerchantCategory]:
    with (settings.FIXTURES_DIR / "mcc_codes.csv").open(encoding="utf-8", newline="") as file:
        # One row has no code: the issuer's category for merchants without one, which no purchase can have.
        return [
            MerchantCategory(
                code=row["mcc"], stripe_category=row["stripe_category"], description=row["description"][:200]
            )
            for row in csv.DictReader(file)
            if row["mcc"]
        ]
