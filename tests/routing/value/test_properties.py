"""What must hold of `value` for any wallet of shipped cards, any purchase and any spend before it."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.value.choice import ValueChoice, choose_by_value
from routing.value.live_spend import LiveSpend
from routing.value.prices import Prices
from routing.value.spend import Booking, Bucket, Purchase, Spend
from routing.value.terms import Channel, Holding, Product
from routing.value.top_category import Gains
from routing.value.wallet import Card, Wallet
from tests.routing.value.golden import CATALOGUE, MATCHER
from tests.support.lengths import length

MANY = settings(max_examples=length("VALUE_EXAMPLES", short=30, whole=500), deadline=None)
PLACES = [("5411", "Kroger"), ("5411", "Walmart"), ("5812", "Bistro"), ("5541", "Shell"), ("5942", "Amazon.com")]
PLACES += [("4899", "Netflix"), ("5651", "Gap"), ("7011", "Inn"), ("5912", "CVS"), ("8011", "Doctor")]


@dataclass(frozen=True)
class Situation:
    """A wallet with a purchase, how full its buckets are, and what their space costs (0 to 5 cents a dollar)."""

    holdings: tuple[Holding, ...]
    purchase: Purchase
    fullness: int
    price: int

    def choose(self, holdings: tuple[Holding, ...] | None = None) -> ValueChoice:
        wallet = Wallet(MATCHER, CATALOGUE, self.holdings if holdings is None else holdings)
        return choose_by_value(self.purchase, wallet, self._spend(wallet), self._prices(wallet))

    def _spend(self, wallet: Wallet) -> Spend:
        live, day = LiveSpend(), self.purchase.at.date()
        for card in wallet.cards:
            for cap in card.prepared.product.caps:
                live.book(Booking(((card.bucket(cap, day), cap.limit_minor * self.fullness // 100),)))
        return live.spend

    def _prices(self, wallet: Wallet) -> Prices:
        day = self.purchase.at.date()
        space = {
            card.bucket(cap, day): Gains((0, cap.limit_minor), (0, cap.limit_minor * self.price * 10**6))
            for card in wallet.cards
            for cap in card.prepared.product.caps
        }
        return Prices(space, {bucket: found for card in wallet.cards for bucket, found in self._tops(card, day)})

    def _tops(self, card: Card, day: dt.date) -> Iterator[tuple[Bucket, dict[str, Gains]]]:
        """What is expected of each top category, a little less of each that follows."""
        for bonus in card.prepared.bonuses:
            if bonus.cap is not None and bonus.bonus.top_categories:
                limit = bonus.cap.limit_minor
                worth = limit * self.price * 10**6
                yield (
                    card.bucket(bonus.cap, day),
                    {
                        tag: Gains((0, limit), (0, worth * 9 // (10 + place)), worth // 2, limit)
                        for place, tag in enumerate(bonus.bonus.top_categories)
                    },
                )


@st.composite
def holdings(draw: st.DrawFn, product: Product) -> Holding:
    picks = {b.key: tuple(b.choice_options[: b.choice_pick]) for b in product.bonuses if b.choice_options}
    quarters = draw(st.sets(st.sampled_from(["2025Q1", "2025Q2", "2025Q3", "2025Q4"])))
    cents = draw(st.sampled_from([None, Decimal("0.5"), Decimal("1.3")]))
    return Holding(product.key, product, picks, dict.fromkeys(quarters), cents)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    products = draw(st.lists(st.sampled_from(list(CATALOGUE.products.values())), min_size=2, max_size=6, unique=True))
    mcc, merchant = draw(st.sampled_from(PLACES))
    at = dt.datetime.combine(dt.date(2025, 1, 1), dt.time()) + dt.timedelta(days=draw(st.integers(0, 364)))
    amount = draw(st.sampled_from([1, 4500, 60_000, 700_000]))
    channel = draw(st.sampled_from([Channel.ONLINE, Channel.IN_STORE]))
    purchase = Purchase(at, mcc, merchant, amount, draw(st.sampled_from(["US", "IT"])), channel)
    wallet = tuple(draw(holdings(each)) for each in products)
    return Situation(wallet, purchase, draw(st.sampled_from([0, 50, 99, 100])), draw(st.integers(0, 5)))


def net(choice: ValueChoice) -> int:
    assert choice.chosen is not None
    return choice.chosen.net


def card(choice: ValueChoice) -> str:
    assert choice.chosen is not None
    return choice.chosen.card.holding.card


@MANY
@given(situations())
def test_a_further_card_never_lowers_the_value(situation: Situation) -> None:
    fewer = situation.choose(situation.holdings[:-1])

    assert net(situation.choose()) >= net(fewer)


@MANY
@given(situations(), st.data())
def test_a_higher_rate_keeps_its_card_chosen(situation: Situation, data: st.DataObject) -> None:
    before = card(situation.choose())
    held = next(each for each in situation.holdings if each.card == before)
    raised = replace(held, product=_raised(held.product, data))
    after = tuple(raised if each is held else each for each in situation.holdings)

    assert card(situation.choose(after)) == before


def _raised(product: Product, data: st.DataObject) -> Product:
    """The product with one of its rates, or its base rate, a percent or a point higher."""
    # Where space has a price, a higher base rate lowers what a bonus is paid beyond it, so only bonuses are raised.
    index = data.draw(st.integers(0, len(product.bonuses) - 1)) if product.bonuses else None
    if index is None:
        return replace(product, base_rate=product.base_rate + 1)
    bonuses = list(product.bonuses)
    bonuses[index] = replace(bonuses[index], rate=bonuses[index].rate + 1)
    return replace(product, bonuses=tuple(bonuses))


@MANY
@given(situations(), st.randoms())
def test_the_order_of_rows_does_not_matter(situation: Situation, chance: random.Random) -> None:
    def mixed(product: Product) -> Product:
        bonuses = [replace(b, scopes=tuple(chance.sample(b.scopes, len(b.scopes)))) for b in product.bonuses]
        chance.shuffle(bonuses)
        return replace(product, bonuses=tuple(bonuses), caps=tuple(chance.sample(product.caps, len(product.caps))))

    shuffled = tuple(replace(held, product=mixed(held.product)) for held in situation.holdings)
    ours, other = situation.choose(), situation.choose(shuffled)

    assert [(e.card.holding.card, e.net, e.earned) for e in ours.candidates] == [
        (e.card.holding.card, e.net, e.earned) for e in other.candidates
    ]


@MANY
@given(situations())
def test_no_card_at_its_base_rate_is_better_than_the_chosen_one(situation: Situation) -> None:
    choice, amount = situation.choose(), situation.purchase.amount_minor

    for each in choice.candidates:
        if not each.is_excluded and len(each.offer.tiers) == 1:
            assert net(choice) >= (each.card.flat_value - each.offer.fee) * amount


@MANY
@given(situations())
def test_every_cent_of_a_purchase_earns_one_rate(situation: Situation) -> None:
    for earning in situation.choose().candidates:
        assert sum(part.amount_minor for part in earning.parts) == situation.purchase.amount_minor
        assert sum(part.amount_minor * part.value for part in earning.parts) == earning.reward
