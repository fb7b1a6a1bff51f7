"""A card's past as a decision reads it: frozen, and without any look at the database. Amounts are minor units."""

import datetime as dt
import functools
import hashlib
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from issuing.history import bounds
from issuing.issuers.messages import AuthorizationRequest, Merchant

DAY_MS: Final = 24 * 60 * 60 * 1000
# The columns of issuing_cardhistory that a decision reads, in the order of `History.of`.
COLUMNS: Final = "approvals, approved_minor, squares, recent, merchants, countries, mccs, last_present"


class Attempt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A decision of before; `merchant` is the merchant's key. What the column keeps after these is not read."""

    at_ms: int
    amount_minor: int
    merchant: int
    is_approved: bool


class Place(NamedTuple):
    """Where and when the card itself was used last, with an approval; empty texts were not sent."""

    at_ms: int
    country: str
    city: str
    postal_code: str


class History(NamedTuple):
    """What is known of a card's past: its attempts are those kept (issuing/history/bounds.py), the newest first.

    `merchants`, `countries` and `mccs` hold where it was approved before. `approvals` are rounds of more than nothing
    in the card's own currency, `approved_minor` and `squares` the sums of their amounts and of the amounts' squares.
    """

    approvals: int = 0
    approved_minor: int = 0
    squares: int = 0
    attempts: tuple[Attempt, ...] = ()
    merchants: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    mccs: frozenset[str] = frozenset()
    last_present: Place | None = None

    @classmethod
    def of(cls, columns_json: str | bytes | None) -> "History":
        """Reads COLUMNS as a JSON array; None, for a card without a row, is an empty past."""
        if not columns_json:
            return NO_HISTORY
        approvals, approved_minor, squares, recent, merchants, countries, mccs, present = _COLUMNS.decode(columns_json)
        return cls(
            approvals,
            approved_minor,
            squares,
            recent,
            frozenset(merchants),
            frozenset(countries),
            frozenset(mccs),
            Place(present[0], *(text or "" for text in present[1:4])) if present else None,
        )

    @property
    def mean_minor(self) -> float | None:
        """The mean of the approved amounts; None under LEAST_FOR_Z of them."""
        return self.approved_minor / self.approvals if self.approvals >= bounds.LEAST_FOR_Z else None

    @property
    def deviation_minor(self) -> float | None:
        """The sample's standard deviation, from exact sums; None under LEAST_FOR_Z approvals."""
        if self.approvals < bounds.LEAST_FOR_Z:
            return None
        count = self.approvals
        return math.sqrt((count * self.squares - self.approved_minor**2) / (count * (count - 1)))

    def z_score(self, amount_minor: int) -> float | None:
        """How many deviations an amount lies above the mean; None where nothing is usual yet, or all were equal."""
        mean, deviation = self.mean_minor, self.deviation_minor
        return (amount_minor - mean) / deviation if mean is not None and deviation else None

    def attempts_within(self, span: dt.timedelta, now: dt.datetime) -> tuple[Attempt, ...]:
        """Returns the attempts of the last 24 hours or less, at most RECENT_MOST, the newest first."""
        since_ms = in_ms(now - span)
        for count, each in enumerate(self.attempts):
            if each.at_ms <= since_ms:
                return self.attempts[:count]
        return self.attempts

    def has_within(self, count: int, span: dt.timedelta, now: dt.datetime) -> bool:
        """Returns whether there were so many attempts within the last 24 hours or less, at least one."""
        return len(self.attempts) >= count and self.attempts[count - 1].at_ms > in_ms(now - span)

    def declines_within(self, span: dt.timedelta, now: dt.datetime) -> int:
        """Counts the declines of the last 24 hours or less, of at most RECENT_MOST attempts."""
        return sum(not each.is_approved for each in self.attempts_within(span, now))

    @property
    def consecutive_declines(self) -> int:
        """Counts the declines since the last approval, among the attempts that are kept."""
        for count, each in enumerate(self.attempts):
            if each.is_approved:
                return count
        return len(self.attempts)

    def is_new_merchant(self, merchant: Merchant) -> bool:
        return str(merchant_key(merchant)) not in self.merchants

    def is_new_country(self, country: str) -> bool | None:
        """Returns whether the card was never approved there; None for an unknown country."""
        return country not in self.countries if country else None

    def is_new_mcc(self, mcc: str) -> bool:
        return mcc not in self.mccs

    def after(
        self,
        asked: AuthorizationRequest,
        *,
        is_approved: bool,
        amount_minor: int,
        counted_minor: int | None,
        at: dt.datetime,
    ) -> "History":
        """Returns the past with one more decision, for a process that has made it and not read it yet.

        `counted_minor` is its amount in the card's currency, None in another.
        """
        at_ms, key = in_ms(at), merchant_key(asked.merchant)
        made = Attempt(at_ms, amount_minor, key, is_approved)
        attempts = (made, *self.attempts)[: bounds.RECENT_MOST]
        if not (is_approved and amount_minor > 0):
            return History(
                self.approvals, self.approved_minor, self.squares, attempts, self.merchants, self.countries,
                self.mccs, self.last_present,
            )  # fmt: skip
        merchant, counted = asked.merchant, counted_minor or 0
        place = Place(at_ms, merchant.country, merchant.city, merchant.postal_code) if is_present(asked) else None
        return History(
            self.approvals + (counted_minor is not None),
            self.approved_minor + counted,
            self.squares + counted**2,
            attempts,
            _with(self.merchants, str(key)),
            _with(self.countries, merchant.country),
            _with(self.mccs, merchant.mcc),
            place or self.last_present,
        )


NO_HISTORY: Final = History()
# Typed, so that the attempts are made in C: a card may have a hundred. The column says 1 or 0 for approved or declined,
# which only a reading that is not strict takes for a truth value.
_COLUMNS: Final = msgspec.json.Decoder(
    tuple[int, int, int, tuple[Attempt, ...], dict[str, int], dict[str, int], dict[str, int], list[Any] | None],
    strict=False,
)


def _with(known: frozenset[str], name: str) -> frozenset[str]:
    return known if not name or name in known else known | {name}


def place_of(asked: AuthorizationRequest, *, is_new: bool) -> Mapping[str, Any]:
    """Returns what a decision's trace keeps for the history (issuing/sql/keep_history.sql): of a new purchase, nothing
    but what its own columns do not say.
    """
    merchant = asked.merchant
    if is_new and merchant.network_id and not is_present(asked):
        return {}
    place: dict[str, Any] = {"merchant": merchant_key(merchant), "country": merchant.country}
    if is_present(asked):
        place |= {"is_present": True, "city": merchant.city, "postal_code": merchant.postal_code}
    return {"place": place}


def merchant_key(merchant: Merchant) -> int:
    """Returns 32 bits that stand for a merchant, by its id in the network, or else its name in capitals."""
    return _key_of(merchant.network_id or merchant.name.upper())


@functools.lru_cache(maxsize=8192)
def _key_of(name: str) -> int:
    return int.from_bytes(hashlib.md5(name.encode(), usedforsecurity=False).digest()[:4], signed=True)


def is_present(asked: AuthorizationRequest) -> bool:
    """Returns whether the issuer says that the card itself was there."""
    return asked.signals.channel == "present"


def in_ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)
