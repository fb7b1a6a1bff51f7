"""What a person has spent, as `value` needs it: how full each bucket is, and past purchases to forecast from."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from routing.value.terms import Channel


class Bucket(NamedTuple):
    """One period of one cap of one card. The cap is its key; `starts_on` is the first day of the period."""

    card: str
    cap: str
    starts_on: dt.date


class Tally(NamedTuple):
    """One period of one category of a card whose bonus goes to the top category."""

    card: str
    bonus: str
    starts_on: dt.date
    tag: str


@dataclass(frozen=True, slots=True)
class Used:
    """Spend in minor units: of purchases not yet posted by the card's issuer, and of those posted."""

    pending_minor: int = 0
    posted_minor: int = 0

    @property
    def total_minor(self) -> int:
        return self.pending_minor + self.posted_minor


class Purchase(NamedTuple):
    """A purchase as terms see it. `at` is local time without a zone; amounts in the card's own currency.

    `country` is the merchant's, as ISO 3166 alpha-2.
    """

    at: dt.datetime
    mcc: str
    merchant: str
    amount_minor: int
    country: str = "US"
    channel: Channel = Channel.IN_STORE


@dataclass(frozen=True, slots=True)
class Spend:
    """The state beside which a purchase is decided. What a map does not name is unused."""

    buckets: Mapping[Bucket, Used] = field(default_factory=dict)
    tallies: Mapping[Tally, Used] = field(default_factory=dict)


class Booking(NamedTuple):
    """What a decided purchase takes from buckets and adds to tallies, to be booked pending with the decision.

    A reversal or refund of a share of the purchase books the same share back, in the same periods.
    """

    buckets: tuple[tuple[Bucket, int], ...] = ()
    tallies: tuple[tuple[Tally, int], ...] = ()
