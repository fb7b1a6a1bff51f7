"""Why a card was chosen, in numbers: from the trace that a decision stores, or that a preview makes.

The trace is stored JSON and may come from another release: what is missing there is missing here.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from onecard.kit.money import Money
from routing import rewards
from routing.explain import rule_sentence
from routing.rewards import Reward
from routing.valued import explaining
from routing.valued.explaining import ValueExplanation
from routing.words import LEFT_OUT

Trace = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RankedCard:
    """A funding card as the engine saw it; `left_out` says why it could not pay, or ""."""

    method_id: int | None
    name: str
    network: str
    last_four: str
    is_backup: bool
    reward_rate: Decimal | None
    reward_type: str
    multiplier: Decimal | None
    effective_reward: Decimal | None
    left_out: str
    reward: Reward | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The choice: its rule, the chosen card, the best of the others, and every card in the engine's order."""

    rule: str
    sentence: str
    chosen: RankedCard | None
    runner_up: RankedCard | None
    cards: list[RankedCard]
    # For a choice by value: what each card earns in money, after caps and fees.
    value: ValueExplanation | None = None

    @property
    def gain_over_runner_up(self) -> Decimal | None:
        """What the chosen card earns beyond the runner-up, in whole currency units; may be negative.

        By value it is in money, in every other strategy at face value.
        """
        if self.value is not None:
            return self.value.gain
        pair = (self.chosen, self.runner_up)
        found = [each.reward.value for each in pair if each is not None and each.reward is not None]
        return found[0] - found[1] if len(found) == len(pair) else None


def explain(trace: Trace, *, rule: str, amount: Money) -> Explanation:
    """Returns why a trace's card was chosen, and what `amount` earns with each card (docs/routing.md)."""
    cards = [_card(candidate, amount) for candidate in trace.get("candidates") or [] if isinstance(candidate, dict)]
    wanted = trace.get("chosen_method_id")
    chosen = next((each for each in cards if wanted is not None and each.method_id == wanted), None)
    usable = [each for each in cards if not each.left_out and each is not chosen]
    runner_up = max(usable, key=lambda each: each.effective_reward or Decimal(0), default=None)
    value = explaining.explain(trace, amount=amount)
    if value is not None and value.runner_up is not None:
        runner_up = next((each for each in cards if each.method_id == value.runner_up.method_id), runner_up)
    said = [rule_sentence(rule, trace) if rule else "", value.sentence if value else ""]
    return Explanation(rule, " ".join(filter(None, said)), chosen, runner_up, cards, value)


def _card(candidate: Trace, amount: Money) -> RankedCard:
    rate, reward_type = _number(candidate.get("reward_rate")), str(candidate.get("reward_type") or "")
    left_out = str(candidate.get("left_out") or "")
    is_ranked = rate is not None and amount.minor > 0
    return RankedCard(
        method_id=candidate.get("method_id"),
        name=str(candidate.get("name") or ""),
        network=str(candidate.get("network") or ""),
        last_four=str(candidate.get("last_four") or ""),
        is_backup=bool(candidate.get("is_backup")),
        reward_rate=rate,
        reward_type=reward_type,
        multiplier=_number(candidate.get("multiplier")),
        effective_reward=_number(candidate.get("effective_reward")),
        left_out=str(LEFT_OUT.get(left_out, left_out)).removeprefix("left out: "),
        reward=rewards.estimate(amount=amount, reward_rate=rate, reward_type=reward_type)
        if is_ranked and rate is not None
        else None,
    )


def _number(text: Any) -> Decimal | None:
    try:
        return Decimal(str(text)) if text is not None else None
    except InvalidOperation:
        return None
