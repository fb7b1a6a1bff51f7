"""Moments around a month's end, for tests that buy now and look back later."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from issuing.rewards.monthly.months import month_after
from onecard.kit import clock
from wallet.models import FundingCharge, FundingObligation


def this_month() -> dt.date:
    """The month of now in New York, where people of the factories live."""
    return clock.local_day(clock.now(), "America/New_York").replace(day=1)


@contextmanager
def next_month(day: int = 2) -> Iterator[None]:
    """Inside the block it is a day of next month, in the afternoon of UTC."""
    then = dt.datetime.combine(month_after(this_month()), dt.time(13), dt.UTC) + dt.timedelta(days=day - 1)
    with clock.ahead(then - clock.now()):
        yield


def move_to(charge: FundingCharge, at: dt.datetime) -> None:
    """Has the purchase of a charge been approved at another time."""
    FundingObligation.objects.filter(pk=charge.obligation_id).update(created_at=at)
