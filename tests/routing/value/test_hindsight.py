"""The bound of a month: no assignment passes it, HiGHS finds the same, and each gain is worth what it should be."""

import datetime as dt
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.value.hindsight import lay_out, most_earned, prove
from routing.value.missed import Looked, activations_missed, at_its_best, gain_of_card
from routing.value.month import Bought, offers_of, post, sum_up
from routing.value.space_flow import Lot, best_prices
from routing.value.spend import Purchase, Spend, Tally, Used
from routing.value.terms import Channel, Holding
from routing.value.wallet import UNITS, Wallet
from tests.proofs.households.optimum import Optimum
from tests.routing.value.golden import CATALOGUE, MATCHER
from tests.support.lengths import length

MANY = settings(max_examples=length("VALUE_EXAMPLES", short=25, whole=400), deadline=None)
FEW = settings(max_examples=length("VALUE_EXAMPLES", short=10, whole=400), deadline=None)
PLACES = [("5411", "Kroger"), ("5812", "Bistro"), ("5541", "Shell"), ("5942", "Amazon.com"), ("7011", "Inn")]
PLACES += [("4899", "Netflix"), ("5651", "Gap"), ("5912", "CVS"), ("8011", "Doctor"), ("3000", "Airline")]
FLAT, GOLD, DISCOVER, TOP = "wells-fargo-active-cash", "amex-gold", "discover-it-cash-back", "citi-custom-cash"
NOTHING = Spend()


@dataclass(frozen=True)
class MadeUp:
    """A month of purchases with the cards that a draw says paid, and what was spent before."""

    wallet: Wallet
    purchases: tuple[Purchase, ...]
    picks: tuple[str, ...]
    before: Spend

    @property
    def bought(self) -> list[Bought]:
        return [Bought(each, self.wallet, pick) for each, pick in zip(self.purchases, self.picks, strict=True)]


@st.composite
def months(draw: st.DrawFn, *, is_new: bool = False) -> MadeUp:
    chosen = random.Random(draw(st.integers(0, 2**32)))
    products = chosen.sample(sorted(CATALOGUE.products), chosen.randint(2, 6))
    wallet = Wallet(MATCHER, CATALOGUE, [held(each) for each in products])
    purchases = tuple(sorted((_purchase(chosen) for _ in range(chosen.randint(1, 40))), key=lambda each: each.at))
    before = NOTHING if is_new else _spent(chosen, wallet, purchases[0].at.date())
    return MadeUp(wallet, purchases, tuple(chosen.choice(products) for _ in purchases), before)


def held(key: str, *quarters: str) -> Holding:
    product = CATALOGUE.products[key]
    picks = {b.key: tuple(b.choice_options[: b.choice_pick]) for b in product.bonuses if b.choice_options}
    return Holding(key, product, picks, dict.fromkeys(quarters or ("2025Q1", "2025Q4")))


def buy(day: str, mcc: str, dollars: int) -> Purchase:
    return Purchase(dt.datetime.fromisoformat(f"{day}T12:00"), mcc, "Shop", dollars * 100)


def wallet(*cards: str) -> Wallet:
    return Wallet(MATCHER, CATALOGUE, [held(each) for each in cards])


def dollars(units: int) -> float:
    return units / UNITS / 100


@MANY
@given(months())
def test_no_assignment_earns_more_than_the_bound(month: MadeUp) -> None:
    sums = sum_up(month.bought, month.before)

    assert sums.earned <= sums.most
    assert all(single <= sums.most for single in sums.singles.values())
    assert sum(sums.by_card.values()) == sums.earned
    assert sums.left_on_table >= 0


@FEW
@given(months(is_new=True))
def test_the_bound_is_the_optimum_that_a_solver_finds(month: MadeUp) -> None:
    bound, solved = (
        dollars(most_earned(offers_of(month.bought), NOTHING)),
        Optimum(month.wallet, month.purchases).solve(),
    )

    # HiGHS is a float solver that may stop within 1e-5 of the optimum.
    assert abs(bound - solved) <= 2e-5 * abs(solved) + 1e-4


@MANY
@given(months(), st.integers(0, 2**32))
def test_any_prices_prove_a_bound_and_the_best_ones_the_lowest(month: MadeUp, seed: int) -> None:
    problem = lay_out(offers_of(month.bought), month.before)
    rooms = {slot: room for slot, room in problem.rooms.items() if room}
    lots = [Lot(amount, dict(gains)) for gains, amount in problem.lots.items()]
    best = best_prices(lots, rooms)
    any_prices = {slot: random.Random(seed + place).randint(-UNITS, UNITS // 10) for place, slot in enumerate(rooms)}

    assert all(price >= 0 for price in best.values())
    assert prove(lots, rooms, best) <= prove(lots, rooms, any_prices)


def test_two_buckets_that_pay_the_same_share_the_purchases() -> None:
    """Prices that fall one after another would stop at 0 or at 4 here; the optimum is 4 for 150 of 200 units."""
    lots = [Lot(200, {"a": 4, "b": 4})]
    assert prove(lots, {"a": 100, "b": 50}, best_prices(lots, {"a": 100, "b": 50})) == 600
    assert prove(lots, {"a": 150, "b": 150}, best_prices(lots, {"a": 150, "b": 150})) == 800


def test_a_month_says_what_each_card_earned_and_one_alone_would_have() -> None:
    """Gold pays 4 points of 1.5 cents in restaurants, the flat card 2 %: dinner on the flat card leaves 4 dollars."""
    both = wallet(GOLD, FLAT)
    bought = [Bought(buy("2025-01-03", mcc, 100), both, FLAT) for mcc in ("5812", "8011")]
    month = sum_up(bought, NOTHING)

    assert dollars(month.earned) == 4
    assert (month.best_single, dollars(month.baseline)) == (GOLD, 7.5)
    assert dollars(month.benefit) == -3.5
    assert dollars(month.most) == 8
    assert dollars(month.left_on_table) == 4
    assert {card: dollars(value) for card, value in month.by_card.items()} == {FLAT: 4}


def test_what_was_spent_before_takes_space() -> None:
    """1,500 dollars of the quarter's 5 %; all but 100 are used."""
    card = wallet(DISCOVER)
    bucket = card.cards[0].bucket(card.cards[0].prepared.product.caps[0], dt.date(2025, 1, 1))
    before = Spend({bucket: Used(posted_minor=140_000)})
    month = sum_up([Bought(buy("2025-03-03", "5812", 300), card, DISCOVER)], before)

    assert dollars(month.earned) == dollars(month.most) == 5 + 2


def test_the_top_category_is_that_of_the_whole_period() -> None:
    """Custom Cash pays 5 points of 1 cent in one category: 100 dollars of gas before the month, 30 of dining in it."""
    card = wallet(TOP)
    held_card = card.cards[0]
    bonus = next(each for each in held_card.prepared.product.bonuses if each.top_categories)
    cap = next(each for each in held_card.prepared.product.caps if each.key == bonus.cap)
    first = held_card.bucket(cap, dt.date(2025, 1, 3)).starts_on
    dinner = Bought(buy("2025-01-03", "5812", 30), card, TOP)
    tag = next(tier.tag for tier in card.offers(dinner.purchase)[0].tiers if tier.tag)
    other = next(each for each in bonus.top_categories if each != tag)
    base = sum_up([dinner], Spend({}, {Tally(TOP, bonus.key, first, other): Used(posted_minor=10_000)}))
    top = sum_up([dinner], NOTHING)

    assert top.earned == top.most
    assert base.earned < top.earned
    assert base.most == top.most


def test_beyond_so_many_choices_the_bound_only_rises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gas for 400 dollars and dining for 300: one of them at 5 points of 1.4 cents; 2 % for the other."""
    bought = [buy("2025-01-10", "5541", 400), buy("2025-01-11", "5812", 300)]
    offered = offers_of([Bought(each, wallet(TOP, FLAT), FLAT) for each in bought])
    assert dollars(most_earned(offered, NOTHING)) == 28 + 6
    monkeypatch.setattr("routing.value.hindsight.MOST_OPENINGS", 1)
    assert dollars(most_earned(offered, NOTHING)) == 28 + 21


def test_a_quarter_that_was_not_activated_has_its_price() -> None:
    bare = Holding(DISCOVER, CATALOGUE.products[DISCOVER])
    cards = Wallet(MATCHER, CATALOGUE, [bare, held(FLAT)])
    offered = offers_of([Bought(buy("2025-01-10", "5812", 2000), cards, FLAT)])
    looked = Looked(MATCHER, CATALOGUE, offered, NOTHING, most_earned(offered, NOTHING))
    (missed,) = activations_missed(looked, [bare, held(FLAT)])

    assert (missed.card, missed.quarter, dollars(missed.gain)) == (DISCOVER, "2025Q1", 1500 * 0.03)
    assert activations_missed(looked, [held(DISCOVER, "2025Q1"), held(FLAT)]) == []


def test_a_further_card_is_worth_what_it_would_have_added() -> None:
    offered = offers_of([Bought(buy("2025-01-10", "5812", 100), wallet(FLAT), FLAT)])
    looked = Looked(MATCHER, CATALOGUE, offered, NOTHING, most_earned(offered, NOTHING))
    choices, activations = at_its_best(looked, CATALOGUE.products[GOLD])

    assert dollars(gain_of_card(looked, Holding("new", CATALOGUE.products[GOLD], choices, activations))) == 6 - 2
    assert gain_of_card(looked, held(FLAT)) == 0


def test_the_best_choice_is_the_category_with_the_most_spend() -> None:
    key = next(k for k, each in CATALOGUE.products.items() if any(b.choice_pick == 1 for b in each.bonuses))
    product = CATALOGUE.products[key]
    bonus = next(each for each in product.bonuses if each.choice_pick == 1)
    prepared = next(each for each in MATCHER.prepare(product).bonuses if each.bonus.key == bonus.key)
    tag = bonus.choice_options[-1]
    channel, mccs = prepared.options[tag]
    others = frozenset().union(*(codes for name, (_, codes) in prepared.options.items() if name != tag))
    mcc = min(mccs - others)
    bought = buy("2025-01-10", mcc, 100)._replace(channel=channel or Channel.IN_STORE)
    looked = Looked(MATCHER, CATALOGUE, offers_of([Bought(bought, wallet(FLAT), FLAT)]), NOTHING, 0)

    assert at_its_best(looked, product)[0][bonus.key] == (tag,)


def test_a_wrong_payer_is_refused() -> None:
    offered = offers_of([Bought(buy("2025-01-10", "5812", 100), wallet(FLAT), GOLD)])
    with pytest.raises(ValueError, match=f"Card {GOLD} could not have paid this purchase"):
        post(offered, [GOLD], NOTHING)


def _purchase(chosen: random.Random) -> Purchase:
    mcc, merchant = chosen.choice(PLACES)
    at = dt.datetime.combine(dt.date(2025, 10, chosen.randint(1, 31)), dt.time(chosen.randint(0, 23)))
    amount = chosen.choice([1, 1999, 8_000, 45_000, 250_000])
    channel = chosen.choice([Channel.ONLINE, Channel.IN_STORE])
    return Purchase(at, mcc, merchant, amount, chosen.choice(["US", "US", "IT"]), channel)


def _spent(chosen: random.Random, cards: Wallet, day: dt.date) -> Spend:
    buckets, tallies = {}, {}
    for card in cards.cards:
        for cap in card.prepared.product.caps:
            bucket = card.bucket(cap, day)
            buckets[bucket] = Used(chosen.choice([0, cap.limit_minor // 2, cap.limit_minor * 2]))
            for bonus in card.prepared.product.bonuses:
                for tag in bonus.top_categories:
                    if bonus.cap == cap.key:
                        tallies[Tally(bucket.card, bonus.key, bucket.starts_on, tag)] = Used(chosen.randint(0, 60_000))
    return Spend(buckets, tallies)
