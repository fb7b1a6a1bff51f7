"""A person's own rules, before anything is optimised: in their order, the first that names a usable card decides.

A rule that forbids a card holds for every purchase that it covers, wherever it stands in the order.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from routing.value.matching import HOME
from routing.value.spend import Purchase


class Action(StrEnum):
    """What a rule does with its card."""

    NEVER = "never_this_card"
    USE = "use_this_card"
    TARGET = "reach_a_spend_target"


@dataclass(frozen=True, slots=True)
class PersonalRule:
    """One rule. A condition that is not set covers every purchase; all that are set must hold.

    `merchants` are prefixes without regard to case. With action TARGET the card is used until `target_minor` is spent
    on it from `counts_from` on, up to and including `until`: a welcome bonus.
    """

    id: int
    version: int
    position: int
    action: Action
    card: str
    merchants: tuple[str, ...] = ()
    above_minor: int | None = None
    is_foreign: bool | None = None
    counts_from: dt.date | None = None
    until: dt.date | None = None
    target_minor: int = 0

    def covers(self, purchase: Purchase) -> bool:
        """Whether its conditions hold for a purchase."""
        if self.merchants and not purchase.merchant.casefold().startswith(tuple(m.casefold() for m in self.merchants)):
            return False
        if self.above_minor is not None and purchase.amount_minor <= self.above_minor:
            return False
        if self.is_foreign is not None and (purchase.country != HOME) != self.is_foreign:
            return False
        day = purchase.at.date()
        return (self.counts_from or day) <= day <= (self.until or day)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of one purchase: the card that must pay (None: the optimiser chooses), and who may not.

    `skipped` names rules that cover the purchase and did not decide, each with the reason.
    """

    decided_by: PersonalRule | None
    left_out: Mapping[str, str]
    skipped: tuple[tuple[PersonalRule, str], ...]

    @property
    def card(self) -> str | None:
        return self.decided_by.card if self.decided_by else None


@dataclass(frozen=True, slots=True)
class PersonalRules:
    """A person's rules; `target_spent` says by a rule's id how much was spent towards its target, in minor units."""

    rules: tuple[PersonalRule, ...] = ()
    target_spent: Mapping[int, int] = field(default_factory=dict)

    def apply(self, purchase: Purchase, cards: Sequence[str], left_out: Mapping[str, str]) -> Ruling:
        """Applies the rules in the order of their positions.

        `cards` are those of the wallet, and `left_out` those that may not be charged now, with the reason.
        """
        if not self.rules:
            return Ruling(None, left_out, ())
        covering = [rule for rule in sorted(self.rules, key=_place) if rule.covers(purchase)]
        forbidden = {rule.card: f"personal_rule_{rule.id}" for rule in covering if rule.action == Action.NEVER}
        out = {**forbidden, **left_out}
        skipped: list[tuple[PersonalRule, str]] = []
        for rule in covering:
            if rule.action == Action.NEVER:
                continue
            reason = _passed_over(rule, cards, out, self.target_spent)
            if not reason:
                return Ruling(rule, out, tuple(skipped))
            skipped.append((rule, reason))
        return Ruling(None, out, tuple(skipped))


NO_RULES = PersonalRules()


def _place(rule: PersonalRule) -> tuple[int, int]:
    return rule.position, rule.id


def _passed_over(
    rule: PersonalRule, cards: Sequence[str], out: Mapping[str, str], target_spent: Mapping[int, int]
) -> str:
    if rule.card not in cards:
        return "not_in_wallet"
    if rule.card in out:
        return out[rule.card]
    if rule.action == Action.TARGET and target_spent.get(rule.id, 0) >= rule.target_minor:
        return "target_reached"
    return ""


def list_overlaps(rules: Sequence[PersonalRule]) -> Iterator[tuple[PersonalRule, PersonalRule]]:
    """Yields pairs, the earlier first, that may cover one purchase and contradict each other."""
    ordered = sorted(rules, key=_place)
    for index, first in enumerate(ordered):
        for second in ordered[index + 1 :]:
            if _contradict(first, second) and _may_meet(first, second):
                yield first, second


def _contradict(first: PersonalRule, second: PersonalRule) -> bool:
    if Action.NEVER in (first.action, second.action):
        return first.action != second.action and first.card == second.card
    return first.card != second.card


def _may_meet(first: PersonalRule, second: PersonalRule) -> bool:
    if first.is_foreign is not None and second.is_foreign is not None and first.is_foreign != second.is_foreign:
        return False
    starts, ends = (first.counts_from, second.counts_from), (first.until, second.until)
    if max(day or dt.date.min for day in starts) > min(day or dt.date.max for day in ends):
        return False
    names = [[name.casefold() for name in rule.merchants] for rule in (first, second)]
    return not all(names) or any(a.startswith(b) or b.startswith(a) for a in names[0] for b in names[1])
