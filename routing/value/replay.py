"""Decides one person's purchases one after another, each with its own time as now and what was spent so far."""

import datetime as dt
from collections.abc import Callable, Sequence

from routing.value.choice import ValueChoice, choose_by_value
from routing.value.forecast import History
from routing.value.layout import Layout
from routing.value.live_spend import LiveSpend
from routing.value.matching import Matcher
from routing.value.prices import NO_PRICES, Prices
from routing.value.pricing import make_prices
from routing.value.spend import Purchase, Spend
from routing.value.terms import Catalogue, Holding
from routing.value.wallet import Wallet

# Prices are made anew after this many days, and on the first purchase of a month; those of a top category each day,
# since each purchase on its card changes what the others are worth.
PRICES_HOLD_DAYS, TOP_PRICES_HOLD_DAYS = 3, 1


class SpacePricer:
    """Prices the space in one person's caps now and then, from what was bought so far. Days come in their order."""

    def __init__(self, history: History | None = None) -> None:
        self._history = history
        self._prices: Prices = NO_PRICES
        self._priced_on: dt.date | None = None
        self._layout: tuple[Wallet, Layout] | None = None

    def prices(self, wallet: Callable[[], Wallet], spend: Spend, today: dt.date) -> Prices:
        """Returns the prices of today; the wallet is only made where they are due."""
        if self._history is None:
            self._history = History(today)
        if self._priced_on is None or self._is_stale(self._priced_on, today):
            found = wallet()
            has_caps = found.may_earn_under_caps()
            self._prices = self._made(found, spend, self._history, today) if has_caps else NO_PRICES
            self._priced_on = today
        return self._prices

    def add(self, purchase: Purchase) -> None:
        """Remembers a purchase for the forecast; before the first prices there is nothing to forecast for."""
        if self._history is not None:
            self._history.add(purchase)

    def _made(self, wallet: Wallet, spend: Spend, history: History, today: dt.date) -> Prices:
        if self._layout is None or self._layout[0] is not wallet:
            self._layout = wallet, Layout(wallet)
        return make_prices(wallet, spend, history, today, self._layout[1])

    def _is_stale(self, priced_on: dt.date, today: dt.date) -> bool:
        days = TOP_PRICES_HOLD_DAYS if self._prices.tops else PRICES_HOLD_DAYS
        return (today - priced_on).days >= days or today.month != priced_on.month


class Replay:
    """One person's wallet with the spend so far. Purchases come in the order of their time."""

    def __init__(self, matcher: Matcher, catalogue: Catalogue, holdings: Sequence[Holding]) -> None:
        self.wallet = Wallet(matcher, catalogue, holdings)
        self.live = LiveSpend()
        self._has_caps = self.wallet.may_earn_under_caps()
        self._pricer = SpacePricer()

    def choose(self, purchase: Purchase) -> ValueChoice:
        """Decides by value, and changes nothing that was spent."""
        prices = NO_PRICES
        if self._has_caps:
            prices = self._pricer.prices(lambda: self.wallet, self.live.spend, purchase.at.date())
        return choose_by_value(purchase, self.wallet, self.live.spend, prices)

    def value_unpriced(self, purchase: Purchase) -> ValueChoice:
        """What each card would earn, without a price for space; for a choice that other rules make."""
        return choose_by_value(purchase, self.wallet, self.live.spend)

    def record(self, purchase: Purchase, choice: ValueChoice) -> None:
        """Books the purchase as spent on the chosen card, and remembers it for the forecast."""
        self.live.book(choice.booking)
        self._pricer.add(purchase)
