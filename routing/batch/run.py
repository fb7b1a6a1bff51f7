"""Decides a batch, person by person in the order of time, and writes D whole or not at all."""

import csv
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from onecard.kit.replaced_file import replacing
from routing.batch.purchases import Line
from routing.batch.walkthrough import Walkthrough
from routing.batch.wallets import Person
from routing.value.choice import NO_CARD, ValueChoice
from routing.value.earning import Earning
from routing.value.matching import Matcher
from routing.value.replay import Replay
from routing.value.terms import Catalogue
from routing.value.wallet import to_minor
from wallet.models import Preference

COLUMNS = ("user_id", "purchase_id", "card_id", "expected_value_minor", "rule")
STRATEGIES = ("value", "cash", "rewards")


class Decided(NamedTuple):
    """A line of D. The value is in cents, exact: the reward in the person's weights less the foreign fee."""

    card: str
    value_minor: Decimal
    rule: str


def decide(
    lines: Sequence[Line],
    people: Mapping[str, Person],
    catalogue: Catalogue,
    strategy: str,
    progress: Callable[[], object] = lambda: None,
) -> list[Decided]:
    """Returns what was decided for each line, in their order. Purchases at the same time keep the file's order."""
    matcher = Matcher(catalogue)
    numbers: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        numbers.setdefault(line.user_id, []).append(number)
    decided: dict[int, Decided] = {}
    for user_id, own in numbers.items():
        person = _Decider(people[user_id], matcher, catalogue, strategy)
        for number in sorted(own, key=lambda each: lines[each].purchase.at):
            decided[number] = person.decide(lines[number])
            progress()
    return [decided[number] for number in range(len(lines))]


class _Decider:
    """Decides one person's purchases."""

    def __init__(self, person: Person, matcher: Matcher, catalogue: Catalogue, strategy: str) -> None:
        self._replay = Replay(matcher, catalogue, person.holdings)
        self._rules = None if strategy == "value" else Walkthrough(matcher, person.holdings, Preference(strategy))

    def decide(self, line: Line) -> Decided:
        purchase = line.purchase
        if self._rules is None:
            choice = self._replay.choose(purchase)
        else:
            card, rule = self._rules.choose(purchase.mcc, purchase.at)
            choice = self._as_picked(self._replay.value_unpriced(purchase), card, rule)
        self._replay.record(purchase, choice)
        return _decided(choice.chosen, choice.rule)

    def _as_picked(self, choice: ValueChoice, card: str, rule: str) -> ValueChoice:
        """The card that the walkthrough's rules picked, with what the catalogue's terms say that it earns."""
        chosen = next(each for each in choice.candidates if each.card.holding.card == card)
        return ValueChoice(chosen, rule, choice.candidates, choice.left_out)


def _decided(chosen: Earning | None, rule: str) -> Decided:
    if chosen is None:
        return Decided("", Decimal(0), NO_CARD)
    return Decided(chosen.card.holding.card, to_minor(chosen.earned), rule)


def write_decisions(file: Path, lines: Sequence[Line], decided: Sequence[Decided]) -> None:
    """Writes D beside its place and moves it there, so that there is never half a file. Raises OSError."""
    with replacing(file) as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(COLUMNS)
        for line, each in zip(lines, decided, strict=True):
            writer.writerow((line.user_id, line.purchase_id, each.card, _plain(each.value_minor), each.rule))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}" if number else "0"
