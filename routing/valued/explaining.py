"""A choice by value in words and money: one sentence, and a line for each card, from the trace that the decision keeps.

The trace is stored JSON: one of another release, or of another strategy, is explained by nothing here.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext as _

from onecard.kit import display
from onecard.kit.money import Money, currency_exponent
from onecard.kit.separators import localised
from routing.value.wallet import to_minor
from routing.valued import trace

# What the net value of a card is made of, in a trace.
NET: Final = (("reward", 1), ("fee", -1), ("space", -1))


@dataclass(frozen=True, slots=True)
class PartLine:
    """One rate that a share of the purchase earns. `bonus` is "" for the base rate; a cap has both amounts or none."""

    amount: Money
    rate: Decimal
    bonus: str
    row_id: int | None
    row_version: int | None
    cap: str = ""
    since: dt.date | None = None
    left_before: Money | None = None
    left_after: Money | None = None


@dataclass(frozen=True, slots=True)
class CardLine:
    """What the purchase earns on a card, in whole units of its currency: the reward, the foreign fee, scarce space.

    Of a choice with odds: the likelihood in percent that the card pays, and what is expected after the processor's fee.
    """

    method_id: int
    name: str
    last_four: str
    is_chosen: bool
    basis: str
    terms_id: int
    terms_version: int
    cents: Decimal
    reward: Decimal
    fee: Decimal
    space: Decimal
    is_excluded: bool
    parts: list[PartLine]
    likelihood: Decimal | None = None
    expected: Decimal | None = None

    @property
    def earned(self) -> Decimal:
        return self.reward - self.fee

    @property
    def net(self) -> Decimal:
        return self.reward - self.fee - self.space


@dataclass(frozen=True, slots=True)
class ValueExplanation:
    """The choice in a sentence; the cards that could pay, the best first; and what else a person would have used."""

    sentence: str
    cards: list[CardLine]
    chosen: CardLine | None
    runner_up: CardLine | None
    best_flat: CardLine | None
    is_passed_through: bool
    currency: str

    @property
    def gain(self) -> Decimal | None:
        """What the chosen card earns now beyond the runner-up; below zero where space is kept for later."""
        return self.chosen.earned - self.runner_up.earned if self.chosen and self.runner_up else None

    @property
    def gain_over_flat(self) -> Decimal | None:
        """What the chosen card earns now beyond the card with the best base rate."""
        return self.chosen.earned - self.best_flat.earned if self.chosen and self.best_flat else None


def explain(stored: Mapping[str, Any], *, amount: Money) -> ValueExplanation | None:
    """Returns why a card was chosen by value, or None for a trace that does not say it."""
    saw = stored.get("value")
    if not isinstance(saw, Mapping) or saw.get("format") != trace.FORMAT:
        return None
    by_card = {each["card"]: each for each in saw["cards"] if "parts" in each}
    usable = [each for each in stored.get("candidates") or [] if not each.get("left_out")]
    chosen_id = stored.get("chosen_method_id")
    cards = [
        _with_odds(
            _card(each, by_card[str(each["method_id"])], amount.currency, is_chosen=each["method_id"] == chosen_id),
            saw,
            amount.currency,
        )
        for each in usable
        if str(each["method_id"]) in by_card
    ]
    chosen = next((each for each in cards if each.is_chosen), None)
    runner_up = next((each for each in cards if each is not chosen), None)
    flat = max(cards, key=lambda each: by_card[str(each.method_id)]["flat"], default=None)
    sentence = _sentence(chosen, runner_up, flat, amount.currency, is_passed_through=bool(saw["passed_through"]))
    sentence = " ".join(filter(None, (sentence, _odds_in_words(chosen, runner_up, cards, amount.currency))))
    return ValueExplanation(sentence, cards, chosen, runner_up, flat, bool(saw["passed_through"]), amount.currency)


def part_in_words(part: PartLine) -> str:
    """Returns a rate in words: 45.00 USD at 4 (dining), 50,000.00 USD left of dining before and 49,955.00 USD after."""
    words = {"amount": part.amount, "rate": localised(f"{part.rate.normalize():f}"), "bonus": part.bonus}
    base, bonus = _("%(amount)s at the base rate of %(rate)s"), _("%(amount)s at %(rate)s (%(bonus)s)")
    said = (bonus if part.bonus else base) % words
    if part.left_before is None:
        return said
    left = {"said": said, "cap": part.cap, "before": part.left_before, "after": part.left_after}
    return _("%(said)s; left of cap %(cap)s: %(before)s before, %(after)s after") % left


def _sentence(
    chosen: CardLine | None,
    runner_up: CardLine | None,
    flat: CardLine | None,
    currency: str,
    *,
    is_passed_through: bool,
) -> str:
    if chosen is None:
        return ""
    said = [_("%(card)s earns %(money)s.") % {"card": chosen.name, "money": _money(chosen.earned, currency)}]
    if runner_up is not None:
        said.append(_compared(chosen, runner_up, currency))
    if flat is not None and flat not in (chosen, runner_up):
        words = {"card": flat.name, "money": _money(flat.earned, currency)}
        said.append(_("The card with the best base rate, %(card)s, would have earned %(money)s.") % words)
    if not is_passed_through:
        said.append(_("Only base rates count, since the cards' issuers see our merchant category."))
    return " ".join(said)


def _odds_in_words(
    chosen: CardLine | None, runner_up: CardLine | None, cards: Sequence[CardLine], currency: str
) -> str:
    """Returns what is expected of the card that pays, and which card would have earned more; "" without odds."""
    if chosen is None or chosen.expected is None or chosen.likelihood is None:
        return ""
    best = max(cards, key=lambda each: each.net)
    said = [_compared(chosen, best, currency)] if best.net > chosen.net and best is not runner_up else []
    odds = {"percent": localised(f"{chosen.likelihood:.1f}"), "money": _money(chosen.expected, currency)}
    words = _("It pays with a likelihood of %(percent)s %%, so %(money)s is expected after the processor's fee.")
    return " ".join([*said, words % odds])


def _compared(chosen: CardLine, other: CardLine, currency: str) -> str:
    difference = chosen.earned - other.earned
    words = {"card": other.name, "money": _money(other.earned, currency), "less": _money(abs(difference), currency)}
    if difference >= 0:
        return _("The next best, %(card)s, would have earned %(money)s: %(less)s less.") % words
    if other.expected is not None and other.net > chosen.net and difference < 0:
        return _("%(card)s would have earned %(money)s, %(less)s more, but it is likelier to decline.") % words
    return (
        _(
            "%(card)s would have earned %(money)s, %(less)s more, but its space in a cap is expected to be worth more "
            "later."
        )
        % words
    )


def _with_odds(card: CardLine, saw: Mapping[str, Any], currency: str) -> CardLine:
    """Returns the line with what is expected of it, where the choice was made with odds."""
    odds = trace.odds_of(saw).get(str(card.method_id))
    if odds is None:
        return card
    net = sum(each[name] * sign for each in saw["cards"] if each["card"] == str(card.method_id) for name, sign in NET)
    expected = _major(odds.expected(net, saw["purchase"]["amount_minor"]), currency)
    return replace(card, likelihood=Decimal(odds.approved_ppm).scaleb(-4), expected=expected)


def _card(candidate: Mapping[str, Any], kept: Mapping[str, Any], currency: str, *, is_chosen: bool) -> CardLine:
    return CardLine(
        method_id=candidate["method_id"],
        name=str(candidate["name"]),
        last_four=str(candidate["last_four"]),
        is_chosen=is_chosen,
        basis=str(kept["basis"]),
        terms_id=kept["terms_id"],
        terms_version=kept["terms_version"],
        cents=Decimal(kept["cents"]),
        reward=_major(kept["reward"], currency),
        fee=_major(kept["fee"], currency),
        space=_major(kept["space"], currency),
        is_excluded=bool(kept["excluded"]),
        parts=[_part(each, currency) for each in kept["parts"]],
    )


def _part(kept: Mapping[str, Any], currency: str) -> PartLine:
    has_cap = "cap" in kept
    return PartLine(
        amount=Money(kept["amount_minor"], currency),
        rate=Decimal(kept["rate"]),
        bonus=kept.get("bonus", ""),
        row_id=kept.get("row_id"),
        row_version=kept.get("row_version"),
        cap=kept.get("cap", ""),
        since=dt.date.fromisoformat(kept["since"]) if has_cap else None,
        left_before=Money(kept["left_before_minor"], currency) if has_cap else None,
        left_after=Money(kept["left_after_minor"], currency) if has_cap else None,
    )


def _major(units: int, currency: str) -> Decimal:
    """Returns the engine's units as whole units of the currency."""
    return to_minor(units).scaleb(-currency_exponent(currency))


def _money(amount: Decimal, currency: str) -> str:
    return display.estimate(amount, currency)
