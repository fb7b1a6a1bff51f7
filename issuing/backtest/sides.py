"""One side of a backtest: a person's purchases in their order, by some rules and a strategy, beside what was spent so.

Money is the same on both sides: what the terms of the card that pays earn, or its ranking where it has none, after caps
and the foreign fee. A cap is as full as this side's own purchases have made it.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from issuing.backtest.people import Past, Person
from issuing.rewards import space_prices
from onecard.kit.time_zones import zone_of
from routing.engine import CASH, Method, applicable_rows, choose
from routing.odds.backtest import PastOdds
from routing.replay import Circumstances, Outcome, micro_of
from routing.value.likelihood import Odds
from routing.value.live_spend import LiveSpend
from routing.value.personal_rules import NO_RULES, PersonalRules
from routing.value.prices import NO_PRICES
from routing.value.replay import SpacePricer
from routing.value.spend import Purchase as Bought
from routing.value.terms import Channel
from routing.value.wallet import Wallet
from routing.valued import deciding
from routing.valued.deciding import Decided
from routing.valued.holdings import held
from routing.valued.person import PersonFacts
from routing.worlds import World
from wallet.models import Preference

HOME: Final = "US"


@dataclass(frozen=True, slots=True)
class Rules:
    """The world in which a side decides, and its strategy; without one, each purchase keeps the strategy it had.

    With `odds` money is what is expected of the card that pays, after the processor's fee; `chooses_by_odds` says
    whether value counts them.
    """

    world: World
    strategy: str | None
    is_passed_through: bool
    odds: PastOdds | None = None
    chooses_by_odds: bool = False

    def strategy_of(self, found: Circumstances) -> str:
        return self.strategy or found.preference


@dataclass(slots=True)
class Side:
    """One person on one side; purchases come in the order of their time."""

    rules: Rules
    person: Person
    live: LiveSpend
    pricer: SpacePricer
    target_spent: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Rules, person: Person, since: dt.datetime) -> "Side":
        uses_prices = rules.strategy == Preference.VALUE or any(
            each.circumstances and each.circumstances.preference == Preference.VALUE for each in person.purchases
        )
        history = space_prices.history_of(person.holder, since) if uses_prices else None
        return cls(rules, person, LiveSpend(person.spent), SpacePricer(history))

    def decide(self, past: Past, found: Circumstances) -> Outcome:
        """Returns which card pays and what it earns on what was kept, and counts that as spent on it."""
        bought = bought_of(past, found, self.person)
        odds = self.rules.odds.of_methods(found.methods, found.purchase.at) if self.rules.odds else {}
        by_odds = odds if self.rules.chooses_by_odds else None
        made, method = self._choose(found, bought, by_odds)
        kept = bought._replace(amount_minor=past.kept.minor)
        if kept != bought:
            made = self._choose(found, kept, by_odds)[0]
        card = str(method.id) if method else ""
        earning = next((each for each in made.chosen.candidates if each.card.holding.card == card), None)
        self.pricer.add(kept)
        self._count_for_targets(card, kept)
        if earning is None:
            return Outcome(method, 0)
        self.live.book(earning.booking)
        earned = odds[card].expected(earning.earned, kept.amount_minor) if odds else earning.earned
        return Outcome(method, micro_of(earned, past.decision.paid.currency))

    def _choose(
        self, found: Circumstances, bought: Bought, odds: Mapping[str, Odds] | None
    ) -> tuple[Decided, Method | None]:
        world, strategy = self.rules.world, self.rules.strategy_of(found)
        rows, is_by_value = world.rows_of(bought.mcc), strategy == Preference.VALUE
        ranked = applicable_rows(rows, found.purchase.local_date, CASH, world.rules)
        facts = self._facts(found, bought.at.date(), is_by_value=is_by_value)
        passes = self.rules.is_passed_through
        cards = held(found.methods, world.catalogue, ranked, facts, is_passed_through=passes)
        asked = deciding.Asked(found.purchase, bought)
        made = deciding.decide(asked, found.methods, cards, world.catalogue, facts, odds=odds)
        if is_by_value:
            return made, deciding.paying_method(made.chosen, found.methods)
        return made, choose(found.purchase, found.methods, rows, strategy, world.rules).method

    def _facts(self, found: Circumstances, today: dt.date, *, is_by_value: bool) -> PersonFacts:
        """Returns what strategy value knows of the person; for another strategy only what counts for the money."""
        cents, spend = self.person.holder.point_cents, self.live.spend
        if not is_by_value:
            return PersonFacts(cents, spend, NO_PRICES, NO_RULES)
        prices = self.pricer.prices(lambda: self._wallet(found), spend, today)
        return PersonFacts(cents, spend, prices, PersonalRules(self.person.rules.rules, self.target_spent))

    def _wallet(self, found: Circumstances) -> Wallet:
        """Returns the cards whose caps are priced: by their terms, whatever a ranking says at one MCC."""
        terms, usable = self.rules.world.catalogue, [each for each in found.methods if each.active]
        facts = PersonFacts(self.person.holder.point_cents)
        cards = held(usable, terms, {}, facts, is_passed_through=self.rules.is_passed_through)
        return Wallet(terms.matcher, terms.catalogue, [each.holding for each in cards])

    def _count_for_targets(self, card: str, bought: Bought) -> None:
        day = bought.at.date()
        for rule in self.person.rules.rules:
            if rule.target_minor and rule.card == card and (rule.counts_from or day) <= day <= (rule.until or day):
                self.target_spent[rule.id] = self.target_spent.get(rule.id, 0) + bought.amount_minor


def bought_of(past: Past, found: Circumstances, person: Person) -> Bought:
    """Returns a stored purchase as terms see it; what its trace does not say is taken for a store, at home."""
    decision = past.decision
    if found.valued is not None:
        return found.valued.bought._replace(amount_minor=decision.paid.minor)
    local = found.purchase.at.astimezone(zone_of(person.holder.time_zone)).replace(tzinfo=None)
    channel = Channel.ONLINE if decision.trace.get("is_online") else Channel.IN_STORE
    country = decision.merchant_country or HOME
    return Bought(local, decision.mcc, decision.merchant_name, decision.paid.minor, country, channel)
