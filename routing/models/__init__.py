"""The routing rules, the reward catalogue, and the drafts by which staff change both."""

from routing.models.catalogue import (
    Kind,
    MerchantList,
    RewardBonus,
    RewardCap,
    RewardCategory,
    RewardProgramme,
    RewardTerms,
)
from routing.models.drafts import CatalogueChange, RankingChange, RankingDraft
from routing.models.odds import MethodOdds
from routing.models.personal_rules import PersonalRule
from routing.models.previews import PreviewedPurchase, RankingPreview
from routing.models.rules import (
    MerchantCategory,
    PreferenceMultiplier,
    RankingRow,
    RewardClass,
    RewardType,
    Rulebook,
    Threshold,
)
from routing.models.spend import CardSpend, SpacePrices, SpendBooking

__all__ = [
    "CardSpend",
    "CatalogueChange",
    "Kind",
    "MerchantCategory",
    "MerchantList",
    "MethodOdds",
    "PersonalRule",
    "PreferenceMultiplier",
    "PreviewedPurchase",
    "RankingChange",
    "RankingDraft",
    "RankingPreview",
    "RankingRow",
    "RewardBonus",
    "RewardCap",
    "RewardCategory",
    "RewardClass",
    "RewardProgramme",
    "RewardTerms",
    "RewardType",
    "Rulebook",
    "SpacePrices",
    "SpendBooking",
    "Threshold",
]
