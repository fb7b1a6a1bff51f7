"""CPU of one choice by strategy `value` among ten funding cards, as a decision makes it: the wallet made anew."""

import datetime as dt
import time
from collections.abc import Callable

from routing.value.catalogue_file import shipped_catalogue
from routing.value.choice import choose_by_value
from routing.value.forecast import History
from routing.value.matching import Matcher
from routing.value.pricing import make_prices
from routing.value.spend import Purchase, Spend
from routing.value.terms import Channel, Holding, Product
from routing.value.wallet import Wallet

# The cards with the most terms: caps, rotating, chosen and top categories.
CARDS = (
    *("chase-freedom-flex", "amex-gold", "citi-custom-cash", "bofa-customized-cash", "usbank-cash-plus"),
    *("discover-it-cash-back", "amex-blue-cash-everyday", "chase-prime-visa", "capital-one-savor"),
    "wells-fargo-active-cash",
)
PLACES = (("5411", "Kroger"), ("5812", "Bistro"), ("5942", "Amazon.com"), ("5541", "Shell"), ("4899", "Netflix"))
NOON = dt.datetime.combine(dt.date(2025, 2, 3), dt.time(12))
ROUNDS, CHOICES = 9, 500


def choice_cpu_us() -> dict[str, float]:
    """Returns microseconds of CPU for a choice: with the wallet made anew, and with one that is kept."""
    catalogue = shipped_catalogue()
    matcher, holdings = Matcher(catalogue), [_hold(catalogue.products[key]) for key in CARDS]
    kept, spend = Wallet(matcher, catalogue, holdings), Spend()
    prices = make_prices(kept, spend, History(dt.date(2025, 1, 1)), NOON.date())
    purchases = [Purchase(NOON, mcc, name, 4500, "US", Channel.ONLINE) for mcc, name in PLACES]
    return {
        "wallet_made_anew": _least_us(
            lambda number: choose_by_value(
                purchases[number % len(purchases)], Wallet(matcher, catalogue, holdings), spend, prices
            )
        ),
        "wallet_kept": _least_us(
            lambda number: choose_by_value(purchases[number % len(purchases)], kept, spend, prices)
        ),
    }


def _hold(product: Product) -> Holding:
    picks = {b.key: b.choice_options[: b.choice_pick] for b in product.bonuses if b.choice_options}
    return Holding(product.key, product, picks, {"2025Q1": None})


def _least_us(choose: Callable[[int], object]) -> float:
    """The least of several rounds: all that is more is somebody else's."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for number in range(CHOICES):
            choose(number)
        rounds.append((time.process_time() - started) / CHOICES * 1e6)
    return round(min(rounds), 1)
