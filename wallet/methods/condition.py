"""How a funding card stands, in a word and a sentence for its owner."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from onecard.kit import clock
from wallet.methods import detachment
from wallet.models import FundingMethod

Status = FundingMethod.Status
SOON: Final = dt.timedelta(days=30)
WORDS: Final = {
    "active": "It can pay.",
    "cooling": "Its bank declined a charge, so it rests for a while.",
    "expiring": "It can pay, and it expires soon. If its bank tells the card network of a new card, that one follows.",
    "expired": "It has expired, so it pays nothing. Add the new card.",
    "disabled": "It was switched off, so it pays nothing. Remove it, and add it anew if it should pay again.",
    "detached": "The processor has it no more, so it pays nothing. Add it anew.",
    "removed": "You removed it.",
}
CONDITIONS: Final = tuple(WORDS)


@dataclass(frozen=True, slots=True)
class Condition:
    """A key of WORDS with its sentence; `until` while the card rests."""

    state: str
    sentence: str
    until: dt.datetime | None = None


def condition_of(method: FundingMethod) -> Condition:
    """Returns how the card stands now; it reads the card's wallet and its detachment."""
    state = _state(method)
    return Condition(state, WORDS[state], method.cooling_until if state == "cooling" else None)


def last_day(method: FundingMethod) -> dt.date:
    """Returns the last day of the card's month: it is good through that day."""
    years, month = divmod(method.expiry_month, 12)
    return dt.date(method.expiry_year + years, month + 1, 1) - dt.timedelta(days=1)


def _state(method: FundingMethod) -> str:
    if detachment.is_removed(method):
        return "removed"
    if method.status == Status.DETACHED or not method.cardholder.processor_customer_id:
        return "detached"
    left = last_day(method) - clock.local_day(clock.now(), method.cardholder.time_zone)
    if left < dt.timedelta(0):
        return "expired"
    if method.status == Status.DISABLED:
        return "disabled"
    if method.cooling_until is not None and method.cooling_until > clock.now():
        return "cooling"
    return "expiring" if left <= SOON else "active"
