"""Which card pays by strategy `value`: the one whose expected money, less the price of scarce space, is highest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from routing.value.earning import NOTHING, Earning, earn
from routing.value.likelihood import Odds
from routing.value.personal_rules import NO_RULES, PersonalRule, PersonalRules
from routing.value.prices import NO_PRICES, Prices
from routing.value.spend import Booking, Purchase, Spend
from routing.value.wallet import Wallet

HIGHEST = "highest_value"
KEPT_SPACE = "space_kept_for_later"
BUILT_TOP = "for_the_top_category"
LIKELIER = "likelier_to_pay"
PERSONAL = "personal_rule"
ONLY_CARD = "only_card"
NO_CARD = "no_funding_card"
CERTAIN = Odds()


@dataclass(frozen=True, slots=True)
class ValueChoice:
    """The result: the card that pays (None: no card may), the rule that decided, and what all cards would have earned.

    `candidates` are in their order, the best first; `odds` are those that it was made with. `left_out` names the cards
    that may not pay, and why; `skipped` the personal rules that cover the purchase and did not decide.
    """

    chosen: Earning | None
    rule: str
    candidates: tuple[Earning, ...]
    left_out: Mapping[str, str]
    personal_rule: PersonalRule | None = None
    skipped: tuple[tuple[PersonalRule, str], ...] = ()
    odds: Mapping[str, Odds] = field(default_factory=dict)

    @property
    def runner_up(self) -> Earning | None:
        return next((each for each in self.candidates if each is not self.chosen), None)

    @property
    def best_flat(self) -> Earning | None:
        """The card with the highest base rate in money: what a person who carries one card would use."""
        return max(self.candidates, key=lambda each: each.card.flat_value, default=None)

    def expected(self, earning: Earning, amount_minor: int) -> int:
        """The net value of a card in value units; with odds, what is expected of it after the processor's fee."""
        odds = self.odds.get(earning.card.holding.card, CERTAIN)
        return odds.expected(earning.net, amount_minor) if self.odds else earning.net

    @property
    def booking(self) -> Booking:
        return self.chosen.booking if self.chosen else Booking()


def choose_by_value(
    purchase: Purchase,
    wallet: Wallet,
    spend: Spend,
    prices: Prices = NO_PRICES,
    left_out: Mapping[str, str] | None = None,
    *,
    personal: PersonalRules = NO_RULES,
    odds: Mapping[str, Odds] | None = None,
) -> ValueChoice:
    """Picks the card that pays: by the first personal rule that can decide, else by the highest expected net value.

    `left_out` names cards that may not be charged now, each with the reason. Without `odds` every card is taken to pay.
    Of cards with the same net value, the one that earns more now is first, then one that takes no space under a cap,
    then the backup, then the wallet's order.
    """
    ruling = personal.apply(purchase, [card.holding.card for card in wallet.cards], left_out or {})
    without = ruling.left_out
    earnings = [
        earn(card, offer, purchase, spend, prices)
        for card, offer in zip(wallet.cards, wallet.offers(purchase), strict=True)
        if card.holding.card not in without
    ]
    ranked = tuple(sorted(earnings, key=_order if odds is None else lambda each: _order(each, odds)))
    chosen, rule = _pick(ranked, ruling.card, may_be_likelier=odds is not None)
    return ValueChoice(chosen, rule, ranked, ruling.left_out, ruling.decided_by, ruling.skipped, odds or {})


def _pick(ranked: Sequence[Earning], demanded: str | None, *, may_be_likelier: bool) -> tuple[Earning | None, str]:
    if not ranked:
        return None, NO_CARD
    if demanded is not None:
        return next(each for each in ranked if each.card.holding.card == demanded), PERSONAL
    return ranked[0], _rule(ranked, may_be_likelier=may_be_likelier)


def _order(earning: Earning, odds: Mapping[str, Odds] | None = None) -> tuple[int, int, bool, bool]:
    card, _, amount, reward, fee, space, booking, _, _ = earning
    net = reward - fee - space
    if odds is not None:
        net = odds.get(card.holding.card, CERTAIN).expected(net, amount)
    return -net, fee - reward, booking is not NOTHING and booking != NOTHING, not card.holding.is_backup


def _rule(ranked: Sequence[Earning], *, may_be_likelier: bool) -> str:
    first = ranked[0]
    if len(ranked) == 1:
        return ONLY_CARD
    if may_be_likelier and any(other.net > first.net for other in ranked[1:]):
        return LIKELIER
    earned = first.reward - first.fee
    if any(other.reward - other.fee > earned for other in ranked):
        return BUILT_TOP if first.space < 0 else KEPT_SPACE
    return HIGHEST
