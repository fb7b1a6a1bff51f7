"""Prices the scarce space in caps: the money that one more unit of space is expected to earn in the rest of its period.

1. The forecast is laid out by month, and each kind of purchase becomes a lot: its expected spend, the best rate that
   needs no scarce space, and the rates that need some.
2. For each bucket, lots are sorted by what it pays beyond their next best card. Space is worth the advantage of the
   last lot that still fits. Demand is uncertain, so this is an expectation: the sum over the steps of advantage of
   each step times the probability that demand at or above it fills the space.
3. A bucket's price changes what its rivals' lots have as next best, so all are priced in turn, a few times over. (This
   is coordinate descent on the dual of the transportation problem that a clairvoyant would solve.)
"""

import datetime as dt
from collections.abc import Iterator

from routing.value.forecast import Forecast, History
from routing.value.layout import Layout, Placement
from routing.value.offers import Tier
from routing.value.prices import Paid, Prices
from routing.value.space_curve import Curve, Lot, Slot
from routing.value.spend import Bucket, Spend, Tally, Used
from routing.value.top_category import Gains
from routing.value.wallet import Card, Wallet

SWEEPS = 2


def make_prices(wallet: Wallet, spend: Spend, history: History, today: dt.date, layout: Layout | None = None) -> Prices:
    """Prices all buckets that are open today, from the history's forecast of the time until each of them ends.

    Who prices the same wallet again keeps its `layout`.
    """
    return _Pricing(layout or Layout(wallet), wallet, spend, history, today).run()


class _Pricing:
    def __init__(self, layout: Layout, wallet: Wallet, spend: Spend, history: History, today: dt.date) -> None:
        self._layout, self._wallet, self._spend, self._today = layout, wallet, spend, today
        self._kinds, self._forecast = history.kinds(), Forecast(history, today)
        self._slots: dict[tuple[Bucket, str], Slot] = {}
        self._lots: dict[tuple[object, ...], Lot] = {}

    def run(self) -> Prices:
        for first, after in self._months():
            self._lay_out(first, after)
        groups = self._groups()
        for _ in range(SWEEPS):
            for group in groups:
                _price(group)
        return self._current_prices()

    def _months(self) -> Iterator[tuple[dt.date, dt.date]]:
        """From today to the end of the last period that is open today, month by month."""
        ends = [card.period(cap, self._today)[1] for card in self._wallet.cards for cap in card.prepared.product.caps]
        day, end = self._today, max(ends, default=self._today)
        while day < end:
            following = min(dt.date(day.year + day.month // 12, day.month % 12 + 1, 1), end)
            yield day, following
            day = following

    def _lay_out(self, first: dt.date, after: dt.date) -> None:
        """Adds what is expected in a part of a month to the lots, by the terms of its middle."""
        day = first + (after - first) / 2
        lots: dict[Placement, Lot] = {}
        for key, placement in self._layout.on(day, self._kinds):
            expected = self._forecast.expect(key, first, after)
            if expected.mean > 0:
                lot = lots.get(placement)
                if lot is None:
                    lot = lots[placement] = self._lot(placement, day)
                lot.mean += expected.mean
                lot.variance += expected.variance
                if expected.due:
                    lot.bills.append((key, expected.due))

    def _lot(self, placement: Placement, day: dt.date) -> Lot:
        rates = tuple((value, self._slot(card, tier, extra, day)) for value, card, tier, extra in placement.rates)
        key = (placement.free, rates)
        lot = self._lots.get(key)
        if lot is None:
            lot = self._lots[key] = Lot(placement.free, rates)
            for _, slot in rates:
                slot.lots.append(lot)
        return lot

    def _slot(self, card: Card, tier: Tier, extra: int, day: dt.date) -> Slot:
        cap = tier.cap
        if cap is None:
            raise ValueError("Only a rate under a cap needs space.")
        bucket = card.bucket(cap, day)
        slot = self._slots.get((bucket, tier.tag))
        if slot is None:
            used = self._spent(bucket, tier) if tier.tag else self._spend.buckets.get(bucket)
            left = max(0, cap.limit_minor - (used.total_minor if used else 0))
            slot = self._slots[bucket, tier.tag] = Slot(bucket, tier.tag, left, extra)
        return slot

    def _spent(self, bucket: Bucket, tier: Tier) -> Used | None:
        bonus = tier.hit.prepared.bonus.key if tier.hit else ""
        return self._spend.tallies.get(Tally(bucket.card, bonus, bucket.starts_on, tier.tag))

    def _groups(self) -> list[list[Slot]]:
        """The slots by bucket: one, or one for each category of a top category's."""
        groups: dict[Bucket, list[Slot]] = {}
        for slot in self._slots.values():
            groups.setdefault(slot.bucket, []).append(slot)
        return list(groups.values())

    def _current_prices(self) -> Prices:
        space: dict[Bucket, Gains] = {}
        tops: dict[Bucket, dict[str, Gains]] = {}
        paid: dict[Bucket, dict[Paid, Gains]] = {}
        for slot in self._slots.values():
            if slot.bucket.starts_on > self._today:
                continue
            if slot.tag:
                tops.setdefault(slot.bucket, {})[slot.tag] = Curve(slot).gains(slot.left)
                paid.setdefault(slot.bucket, {}).update(_without_bills(slot))
            else:
                space[slot.bucket] = Curve(slot).gains(slot.left)
        return Prices(space, tops, {bucket: found for bucket, found in paid.items() if found})


def _price(group: list[Slot]) -> None:
    """Prices a bucket's space; of the categories of a top category's, only the one that gains most is open."""
    if not group[0].tag:
        group[0].price = Curve(group[0]).price(group[0].left)
        return
    totals = []
    for slot in group:
        curve = Curve(slot)
        slot.price = curve.price(slot.left)
        totals.append(curve.value_of(slot.left))
    best = max(range(len(group)), key=lambda index: totals[index])
    for index, slot in enumerate(group):
        slot.is_open = index == best


def _without_bills(slot: Slot) -> Iterator[tuple[Paid, Gains]]:
    """Yields for each bill what more spend of its category would gain once it is paid."""
    for lot in slot.lots:
        for key, due in lot.bills:
            yield Paid(slot.tag, key.mcc, key.merchant), Curve(slot, (lot, due)).gains(slot.left)
