"""The routing rules, and the drafts by which staff change the rankings among them."""

from routing.models.drafts import RankingChange, RankingDraft
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

__all__ = [
    "MerchantCategory",
    "PreferenceMultiplier",
    "PreviewedPurchase",
    "RankingChange",
    "RankingDraft",
    "RankingPreview",
    "RankingRow",
    "RewardClass",
    "RewardType",
    "Rulebook",
    "Threshold",
]
