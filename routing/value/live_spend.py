"""Spend that is kept while purchases are decided one after another, in memory: for batches and backtests."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeVar

from routing.value.spend import Booking, Bucket, Spend, Tally, Used

Key = TypeVar("Key", Bucket, Tally)


class LiveSpend:
    """What `spend` shows grows with each booking, and shrinks by what is given back; it begins with what was spent."""

    def __init__(self, spent: Spend | None = None) -> None:
        self._buckets: dict[Bucket, Used] = dict(spent.buckets) if spent else {}
        self._tallies: dict[Tally, Used] = dict(spent.tallies) if spent else {}
        self.spend = Spend(self._buckets, self._tallies)

    def book(self, booking: Booking) -> None:
        """Books a decided purchase as pending."""
        _add(self._buckets, booking.buckets, Decimal(1))
        _add(self._tallies, booking.tallies, Decimal(1))

    def post(self, booking: Booking) -> None:
        """Moves a purchase from pending to posted."""
        _move(self._buckets, booking.buckets)
        _move(self._tallies, booking.tallies)

    def give_back(self, booking: Booking, share: Decimal = Decimal(1)) -> None:
        """Gives back what a pending purchase took, in its own periods: all of it, or the share that was refunded."""
        _add(self._buckets, booking.buckets, -share)
        _add(self._tallies, booking.tallies, -share)


def _add(used: dict[Key, Used], parts: tuple[tuple[Key, int], ...], share: Decimal) -> None:
    for key, amount in parts:
        now = used.get(key, Used())
        changed = int((amount * share).to_integral_value(ROUND_HALF_EVEN))
        used[key] = Used(max(0, now.pending_minor + changed), now.posted_minor)


def _move(used: dict[Key, Used], parts: tuple[tuple[Key, int], ...]) -> None:
    for key, amount in parts:
        now = used.get(key, Used())
        used[key] = Used(max(0, now.pending_minor - amount), now.posted_minor + amount)
