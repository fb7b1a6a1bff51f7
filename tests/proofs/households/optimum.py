"""What a clairvoyant would have earned at most: each purchase may be split over cards, and buckets hold what they hold.

A transportation problem for each person, solved by HiGHS. A card with a top category has one category a month, so it
is a mixed-integer problem there. Splitting makes it an upper bound; where the solver stops early, its own bound counts.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from routing.value.spend import Bucket, Purchase
from routing.value.wallet import Wallet

TIME_LIMIT_S = 20.0
# The solver works in dollars; values are in units of 1e-8 cents.
UNITS_IN_DOLLAR = 1e10


class Optimum:
    """Builds the problem of one person: a column for each purchase and rate, a row for each purchase and bucket."""

    def __init__(self, wallet: Wallet, purchases: Sequence[Purchase]) -> None:
        self._gains: list[float] = []
        self._highest: list[float] = []
        self._rows: list[tuple[int, int, float]] = []
        self._limits: list[float] = []
        self._row_of: dict[object, int] = {}
        self._slots: dict[tuple[Bucket, str], int] = {}
        self._free = 0.0
        for number, purchase in enumerate(purchases):
            self._add(wallet, number, purchase)
        self._choose_categories()

    def _add(self, wallet: Wallet, number: int, purchase: Purchase) -> None:
        offers = wallet.offers(purchase)
        amount = purchase.amount_minor / 100
        free = max(offer.tiers[-1].value - offer.fee for offer in offers)
        self._free += free * purchase.amount_minor / UNITS_IN_DOLLAR
        for card, offer in zip(wallet.cards, offers, strict=True):
            for tier in offer.tiers[:-1]:
                gain = tier.value - offer.fee - free
                if tier.cap is None or gain <= 0:
                    continue
                column = self._column(gain / 1e8, amount)
                self._enter(("purchase", number), amount, column, 1.0)
                bucket = card.bucket(tier.cap, purchase.at.date())
                self._enter(("bucket", bucket), tier.cap.limit_minor / 100, column, 1.0)
                if tier.tag:
                    slot = self._slots.setdefault((bucket, tier.tag), len(self._slots))
                    self._enter(("tag", slot), 0.0, column, 1.0)
                    self._slot_limit = tier.cap.limit_minor / 100

    def _choose_categories(self) -> None:
        """One category of each bucket may be open."""
        self._binaries = []
        for (bucket, _), slot in self._slots.items():
            column = self._column(0.0, 1.0)
            self._binaries.append(column)
            self._enter(("tag", slot), 0.0, column, -self._slot_limit)
            self._enter(("one", bucket), 1.0, column, 1.0)

    def _column(self, gain: float, highest: float) -> int:
        self._gains.append(gain)
        self._highest.append(highest)
        return len(self._gains) - 1

    def _enter(self, row: object, limit: float, column: int, factor: float) -> None:
        number = self._row_of.setdefault(row, len(self._row_of))
        if number == len(self._limits):
            self._limits.append(limit)
        self._rows.append((number, column, factor))

    def solve(self) -> float:
        """Returns the bound in dollars. Raises `RuntimeError` where the solver finds none."""
        if not self._gains:
            return self._free
        rows, columns, factors = zip(*self._rows, strict=True)
        matrix = coo_array((factors, (rows, columns)), shape=(len(self._limits), len(self._gains)))
        integral = np.zeros(len(self._gains))
        integral[self._binaries] = 1
        result = milp(
            -np.array(self._gains),
            integrality=integral,
            bounds=Bounds(0, np.array(self._highest)),
            constraints=LinearConstraint(matrix.tocsc(), -np.inf, np.array(self._limits)),
            options={"time_limit": TIME_LIMIT_S, "mip_rel_gap": 1e-5},
        )
        bound = result.mip_dual_bound if self._binaries else result.fun
        if bound is None:
            raise RuntimeError(f"HiGHS found no bound: {result.message}")
        return float(self._free - bound)
