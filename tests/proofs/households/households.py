"""Makes one household from a world and a seed: its wallet, what it activated and chose, and a year of purchases."""

import calendar
import datetime as dt
import math
import random
from dataclasses import dataclass
from decimal import Decimal

from routing.value.spend import Purchase
from routing.value.terms import Catalogue, Channel, Holding, Product
from tests.proofs.households.worlds import Need, World

YEAR = 2025
COUNTRIES = ("FR", "GB", "IT", "MX", "CA")
# The multipliers of docs/routing.md: (preference, is it cash).
POINTS = {("cash", True): "1", ("cash", False): "0.5", ("points", True): "1", ("points", False): "1.3"}


@dataclass(frozen=True, slots=True)
class Household:
    """A person with cards and the year's purchases, the earliest first."""

    user_id: str
    preference: str
    holdings: tuple[Holding, ...]
    purchases: tuple[Purchase, ...]


def make_household(
    world: World, catalogue: Catalogue, seed: str, weights: str, *, passed_through: bool = True
) -> Household:
    """The same seed makes the same household, for both kinds of weights: `preference` and `programme`."""
    chance = random.Random(f"{world.name} {seed}")
    preference = chance.choice(("cash", "points"))
    products = chance.sample(list(catalogue.products.values()), chance.randint(*world.cards))
    backup = max(products, key=lambda each: each.base_rate)
    holdings = tuple(
        _hold(product, world, chance, preference, weights, is_backup=product is backup, passed_through=passed_through)
        for product in products
    )
    return Household(seed, preference, holdings, tuple(_buy(world, chance)))


def _hold(
    product: Product,
    world: World,
    chance: random.Random,
    preference: str,
    weights: str,
    *,
    is_backup: bool,
    passed_through: bool,
) -> Holding:
    own = Decimal(POINTS[preference, product.reward_type == "cash"]) if weights == "preference" else None
    choices = {
        bonus.key: tuple(chance.sample(bonus.choice_options, bonus.choice_pick))
        for bonus in product.bonuses
        if bonus.choice_options
    }
    activations = {f"{YEAR}Q{quarter}": None for quarter in range(1, 5) if chance.random() < world.activates}
    return Holding(
        card=product.key,
        product=product,
        choices=choices,
        activations=activations,
        cents_per_point=own,
        is_backup=is_backup,
        passed_through=passed_through,
    )


def _buy(world: World, chance: random.Random) -> list[Purchase]:
    income = math.exp(chance.gauss(0, world.income_spread))
    purchases: list[Purchase] = []
    for need in world.needs.values():
        if chance.random() >= need.share:
            continue
        level = income * math.exp(chance.gauss(0, world.need_spread))
        loyal = [share * math.exp(chance.gauss(0, 1)) for *_, share in need.shops]
        for month in range(1, 13):
            purchases += _buy_month(need, world, chance, month, level, loyal)
    return sorted(purchases)


def _buy_month(
    need: Need, world: World, chance: random.Random, month: int, level: float, loyal: list[float]
) -> list[Purchase]:
    season = need.peak if month in need.peaks else 1.0
    if need.bill:
        # The same shop, day and nearly the same amount each month.
        shop = max(range(len(loyal)), key=loyal.__getitem__)
        amount = need.monthly * level * season * math.exp(chance.gauss(0, 0.03))
        return [_purchase(need, chance, month, 1 + int(loyal[shop] * 1e6) % 28, shop, amount)]
    count = _poisson(chance, need.times * season * math.sqrt(level))
    ticket = need.monthly / need.times * math.sqrt(level)
    found = []
    for _ in range(count):
        amount = ticket * math.exp(chance.gauss(-(world.ticket_spread**2) / 2, world.ticket_spread))
        day = chance.randint(1, calendar.monthrange(YEAR, month)[1])
        found.append(_purchase(need, chance, month, day, chance.choices(range(len(loyal)), loyal)[0], amount))
    return found


def _purchase(need: Need, chance: random.Random, month: int, day: int, shop: int, dollars: float) -> Purchase:
    mcc, name, channel, _ = need.shops[shop]
    at = dt.datetime(YEAR, month, day, chance.randint(7, 22), chance.randint(0, 59), chance.randint(0, 59))  # noqa: DTZ001
    country = chance.choice(COUNTRIES) if chance.random() < need.abroad else "US"
    return Purchase(at, mcc, name, max(100, round(dollars * 100)), country, Channel(channel))


def _poisson(chance: random.Random, mean: float) -> int:
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count, product = count + 1, product * chance.random()
    return count
