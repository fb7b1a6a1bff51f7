"""Why a card was chosen, as the API shows it: for a purchase that was decided, and for one that is only asked about."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from onecard.api.fields import plain
from onecard.kit import display
from onecard.kit.money import Money
from routing import accounts
from routing.explanation import Explanation, RankedCard
from routing.rewards import VALUATIONS_CENTS, Reward
from routing.valued.explaining import CardLine, PartLine, ValueExplanation


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


class PartSerializer(serializers.Serializer[Any]):
    """The share of a purchase that earns one rate, and how full its cap is."""

    amount_minor = serializers.IntegerField()
    rate = serializers.CharField(help_text="Units for each whole unit of money: 3 is 3 points, or 3 % cash back.")
    bonus = serializers.CharField(help_text="The bonus of the card's terms; empty for its base rate.")
    row_id = serializers.IntegerField(allow_null=True, help_text="The bonus among the reward terms.")
    row_version = serializers.IntegerField(allow_null=True)
    cap = serializers.CharField(help_text="Empty where no cap limits the rate.")
    cap_since = serializers.DateField(allow_null=True, help_text="The first day of the cap's period.")
    left_before_minor = serializers.IntegerField(allow_null=True)
    left_after_minor = serializers.IntegerField(allow_null=True)


class ValueCardSerializer(serializers.Serializer[Any]):
    """What a purchase earns on one card in money, in whole units."""

    name = serializers.CharField()
    last_four = serializers.CharField()
    is_chosen = serializers.BooleanField()
    basis = serializers.ChoiceField(["catalogue", "override", "ranking"], help_text="Where its rates come from.")
    cents_per_unit = serializers.CharField(help_text="What a point of it is worth to the person.")
    reward = serializers.CharField()
    foreign_fee = serializers.CharField()
    space = serializers.CharField(help_text="What the space in caps that it takes is expected to be worth later.")
    net = serializers.CharField(help_text="Reward less fee less space: the order goes by it.")
    likelihood_percent = serializers.CharField(
        allow_null=True, help_text="How likely the card is to pay; null: not counted."
    )
    expected = serializers.CharField(
        allow_null=True, help_text="Net after the processor's fee, times the likelihood: then the order goes by it."
    )
    parts = PartSerializer(many=True)


class ValueSerializer(serializers.Serializer[Any]):
    """A choice by value: a sentence, and what each card that could pay earns in money, the best first."""

    sentence = serializers.CharField()
    currency = serializers.CharField()
    gain = serializers.CharField(allow_null=True, help_text="What it earns beyond the next best card.")
    gain_over_flat = serializers.CharField(allow_null=True, help_text="Beyond the card with the best base rate.")
    best_flat_card = serializers.CharField(help_text="The card with the best base rate.")
    is_passed_through = serializers.BooleanField(help_text="false: only base rates count.")
    cards = ValueCardSerializer(many=True)


class ExplanationSerializer(serializers.Serializer[Any]):
    """The rule that chose, in a sentence, and every card of the wallet in the engine's order."""

    rule = serializers.CharField()
    sentence = serializers.CharField()
    chosen = RankedCardSerializer(allow_null=True)
    runner_up = RankedCardSerializer(allow_null=True)
    gain_over_runner_up = serializers.CharField(
        allow_null=True, help_text="In whole units, at 1 cent a unit; by value, in money."
    )
    value = ValueSerializer(allow_null=True, help_text="For a choice by the most money.")
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
        "value": _value(found.value) if found.value else None,
        "cards": [_card(each, found, amount) for each in found.cards],
        "is_estimate": not (found.value.is_passed_through if found.value else accounts.passes_mcc()),
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


def _value(found: ValueExplanation) -> dict[str, Any]:
    gains = {"gain": found.gain, "gain_over_flat": found.gain_over_flat}
    return {
        "sentence": found.sentence,
        "currency": found.currency,
        **{name: None if gain is None else _estimate(gain, found.currency) for name, gain in gains.items()},
        "best_flat_card": found.best_flat.name if found.best_flat else "",
        "is_passed_through": found.is_passed_through,
        "cards": [_value_card(each, found.currency) for each in found.cards],
    }


def _value_card(card: CardLine, currency: str) -> dict[str, Any]:
    money = {"reward": card.reward, "foreign_fee": card.fee, "space": card.space, "net": card.net}
    return {
        "name": card.name,
        "last_four": card.last_four,
        "is_chosen": card.is_chosen,
        "basis": card.basis,
        "cents_per_unit": plain(card.cents),
        **{name: _estimate(amount, currency) for name, amount in money.items()},
        "likelihood_percent": None if card.likelihood is None else plain(round(card.likelihood, 1)),
        "expected": None if card.expected is None else _estimate(card.expected, currency),
        "parts": [_part(each) for each in card.parts],
    }


def _part(part: PartLine) -> dict[str, Any]:
    left = {"left_before_minor": part.left_before, "left_after_minor": part.left_after}
    return {
        "amount_minor": part.amount.minor,
        "rate": plain(part.rate),
        "bonus": part.bonus,
        "row_id": part.row_id,
        "row_version": part.row_version,
        "cap": part.cap,
        "cap_since": part.since,
        **{name: None if money is None else money.minor for name, money in left.items()},
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
