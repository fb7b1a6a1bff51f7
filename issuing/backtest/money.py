"""Money gained and lost: stored purchases decided on two sides, summed up by month, card and MCC."""

import datetime as dt
import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from issuing import journal
from issuing.backtest import people
from issuing.backtest.people import Past
from issuing.backtest.sides import Rules, Side
from issuing.backtest.stored import StoredDecision
from onecard.kit.money import Money
from routing.replay import Outcome
from wallet.models import Preference

ALL, MONTH, CARD, MCC = "all", "month", "card", "mcc"
GROUPS = (ALL, MONTH, CARD, MCC)


@dataclass(slots=True)
class Sums:
    """Of one group, in millionths of the currency unit: what it earned before and after, and what that differs by.

    `gained` adds up the purchases that earn more, `lost` those that earn less.
    """

    purchases: int = 0
    changed: int = 0
    before_micro: int = 0
    after_micro: int = 0
    gained_micro: int = 0
    lost_micro: int = 0

    def add(self, before_micro: int, after_micro: int, *, is_changed: bool) -> None:
        difference = after_micro - before_micro
        self.purchases += 1
        self.changed += is_changed
        self.before_micro += before_micro
        self.after_micro += after_micro
        self.gained_micro += max(0, difference)
        self.lost_micro += max(0, -difference)


@dataclass(frozen=True, slots=True)
class Changed:
    """A purchase that another card pays, or for which the same card earns otherwise, on what was kept of it."""

    decision: StoredDecision
    kept: Money
    before: Outcome
    after: Outcome

    @property
    def difference_micro(self) -> int:
        return self.after.reward_micro - self.before.reward_micro


@dataclass(slots=True)
class Backtest:
    """What was found: sums by group, its key and currency; `largest` are the purchases that change the most.

    `unreadable` decisions say too little to be decided again.
    """

    people: int = 0
    unreadable: int = 0
    another_card: int = 0
    sums: dict[tuple[str, str, str], Sums] = field(default_factory=dict)
    largest: list[Changed] = field(default_factory=list)

    @property
    def purchases(self) -> int:
        return sum(each.purchases for (group, _key, _currency), each in self.sums.items() if group == ALL)

    def of(self, group: str) -> list[tuple[str, str, Sums]]:
        """Returns key, currency and sums of a group: months and MCCs in their order, cards with the largest first."""
        found = [(key, currency, each) for (of, key, currency), each in self.sums.items() if of == group]
        if group == CARD:
            return sorted(found, key=lambda each: (-(each[2].gained_micro + each[2].lost_micro), each[0], each[1]))
        return sorted(found, key=lambda each: each[:2])


def run(
    *,
    before: Rules,
    after: Rules,
    since: dt.datetime,
    until: dt.datetime,
    keep: int,
    report: Callable[[Changed], object] = lambda _changed: None,
    progress: Callable[[int], object] = lambda _people: None,
) -> Backtest:
    """Decides the purchases of the period on both sides, person by person; reports each that changes.

    `keep` is how many of the largest differences are kept. Changes nothing.
    """
    journal.write_all()
    found = Backtest()
    largest: list[tuple[int, int, Changed]] = []
    for looked_at, page in people.pages(since=since, until=until):
        for person in page:
            found.people += 1
            sides = Side.of(before, person, since), Side.of(after, person, since)
            for changed in compare(person.purchases, *sides, found):
                report(changed)
                heapq.heappush(largest, (abs(changed.difference_micro), -changed.decision.id, changed))
                if len(largest) > keep:
                    heapq.heappop(largest)
        progress(looked_at)
    found.largest = [each for _size, _key, each in sorted(largest, reverse=True)]
    return found


def compare(purchases: list[Past], before: Side, after: Side, found: Backtest) -> Iterator[Changed]:
    """Decides one person's purchases on both sides, adds them to `found`, and yields each that changes."""
    for past in purchases:
        circumstances = past.circumstances
        if circumstances is None or not _knows(before, after, circumstances.preference):
            found.unreadable += 1
            continue
        outcomes = before.decide(past, circumstances), after.decide(past, circumstances)
        is_changed = outcomes[0].payer != outcomes[1].payer or outcomes[0].reward_micro != outcomes[1].reward_micro
        found.another_card += outcomes[0].payer != outcomes[1].payer
        _add(found, past.decision, circumstances.purchase.local_date, *outcomes, is_changed=is_changed)
        if is_changed:
            yield Changed(past.decision, past.kept, *outcomes)


def _knows(before: Side, after: Side, preference: str) -> bool:
    """Returns whether both sides know the strategy that decided; a trace may be damaged."""
    return all(
        side.rules.strategy is not None
        or preference == Preference.VALUE
        or (preference, True) in side.rules.world.rules.multipliers
        for side in (before, after)
    )


def _add(
    found: Backtest, decision: StoredDecision, day: dt.date, before: Outcome, after: Outcome, *, is_changed: bool
) -> None:
    currency, pair = decision.paid.currency, (before.reward_micro, after.reward_micro)
    for group, key in ((ALL, ""), (MONTH, f"{day:%Y-%m}"), (MCC, decision.mcc)):
        found.sums.setdefault((group, key, currency), Sums()).add(*pair, is_changed=is_changed)
    if before.payer == after.payer:
        found.sums.setdefault((CARD, _name(before), currency), Sums()).add(*pair, is_changed=is_changed)
        return
    found.sums.setdefault((CARD, _name(before), currency), Sums()).add(pair[0], 0, is_changed=True)
    found.sums.setdefault((CARD, _name(after), currency), Sums()).add(0, pair[1], is_changed=True)


def _name(outcome: Outcome) -> str:
    """Returns the name of the card, which many people may have; "" for a decline."""
    return outcome.method.name if outcome.method else ""
