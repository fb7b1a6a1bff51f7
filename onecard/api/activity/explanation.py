"""Why a card was chosen, as the API shows it: for a purchase that was decided, and for one that is only asked about."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from rest_framework import serializers

from onecard.api.fields import plain
from onecard.kit import display
from onecard.kit.money import Money
from routing.explanation import Explanation, RankedCard
from routing.rewards import VALUATIONS_CENTS, Reward


class ValueAt(serializers.Serializer[Any]):
    cents_per_unit = serializers.CharField(help_text="What one point or mile is taken to be worth.")
    value = serializers.CharField(help_text="In whole units, rounded to a tenth of the minor unit, such as 0.675.")


class RewardSerializer(serializers.Serializer[Any]):
    """An estimate of what a card earns, and what routing gained over a card that earns 1 point a unit."""

    unit = serializers.ChoiceField(choices=["cash", "points", "miles", "default"])
    units = serializers.CharField()
    currency = serializers.CharField()
    values = ValueAt(many=True)
    baseline_value = serializers.CharField(help_text="What the same purchase earns at 1 point a unit.")
    benefit = serializers.CharField(help_text="The value at 1 cent a unit, less the baseline.")
    benefit_percent = serializers.CharField()


class RankedCardSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    last_four = serializers.CharField()
    network = serializers.CharField()
    is_chosen = serializers.BooleanField()
    is_backup = serializers.BooleanField()
    reward_rate = serializers.CharField(allow_null=True)
    multiplier = serializers.CharField(allow_null=True)
    effective_reward = serializers.CharField(allow_null=True, help_text="Rate times multiplier: the order goes by it.")
    left_out = serializers.CharField(help_text="Why it could not pay; empty for a candidate.")
    reward = RewardSerializer(allow_null=True)


class ExplanationSerializer(serializers.Serializer[Any]):
    """The rule that chose, in a sentence, and every card of the wallet in the engine's order."""

    rule = serializers.CharField()
    sentence = serializers.CharField()
    chosen = RankedCardSerializer(allow_null=True)
    runner_up = RankedCardSerializer(allow_null=True)
    gain_over_runner_up = serializers.CharField(allow_null=True, help_text="In whole units, at 1 cent a unit.")
    cards = RankedCardSerializer(many=True)
    is_estimate = serializers.BooleanField(
        help_text="The funding card's issuer may see our merchant code and not the merchant's (docs/routing.md)."
    )


def render(found: Explanation, *, amount: Money) -> dict[str, Any]:
    """Returns an explanation in the form of ExplanationSerializer."""
    gain = found.gain_over_runner_up
    return {
        "rule": found.rule,
        "sentence": found.sentence,
        "chosen": _card(found.chosen, found, amount) if found.chosen else None,
        "runner_up": _card(found.runner_up, found, amount) if found.runner_up else None,
        "gain_over_runner_up": None if gain is None else _estimate(gain, amount.currency),
        "cards": [_card(each, found, amount) for each in found.cards],
        "is_estimate": not settings.MERCHANT_MCC_PASSED_THROUGH,
    }


def _card(card: RankedCard, found: Explanation, amount: Money) -> dict[str, Any]:
    return {
        "name": card.name,
        "last_four": card.last_four,
        "network": card.network,
        "is_chosen": card is found.chosen,
        "is_backup": card.is_backup,
        "reward_rate": _text(card.reward_rate),
        "multiplier": _text(card.multiplier),
        "effective_reward": _text(card.effective_reward),
        "left_out": card.left_out,
        "reward": _reward(card.reward, card.reward_type, amount.currency) if card.reward else None,
    }


def _reward(reward: Reward, unit: str, currency: str) -> dict[str, Any]:
    return {
        "unit": unit,
        "units": plain(round(reward.units, 2)),
        "currency": currency,
        "values": [
            {"cents_per_unit": plain(cents), "value": _estimate(value, currency)}
            for cents, value in zip(VALUATIONS_CENTS, reward.values, strict=True)
        ],
        "baseline_value": _estimate(reward.baseline_value, currency),
        "benefit": _estimate(reward.benefit, currency),
        "benefit_percent": plain(round(reward.benefit_percent, 1)),
    }


def _estimate(amount: Decimal, currency: str) -> str:
    return plain(display.rounded(amount, currency, finer_by=1))


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain(number)
