"""What the processor and the issuer say that we have, as of a cut: their balance now, less what they list since then.

The balance and the list are two answers, so the newest movement is asked for before and after the balance: when it is
the same, the balance is of just after that movement.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol, TypeVar

from issuing.issuers.balances import BalanceThere, HoldPage, OpenHold
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from wallet.processors.stripe import totals
from wallet.processors.stripe.balance import Balance, BalanceMovement

Said = TypeVar("Said")
# Postings and movements of one thing are dated by two clocks, and an outcome may be learnt an hour later.
MARGIN = dt.timedelta(hours=2)
MOST_TRIES = 8


class BalanceMovedError(OneCardError):
    """The balance moved each time while it was read, so it is of no known moment."""

    code = "balance_moved"


class EndlessHoldsError(OneCardError):
    """A page of holds names itself as the next one."""

    code = "endless_list"


class IssuersBalance(Protocol):
    """The part of issuing.issuers.base.Issuer that is used here."""

    def get_balances(self) -> tuple[BalanceThere, ...]: ...

    def list_open_holds(self, *, cursor: str = "") -> HoldPage: ...


@dataclass(frozen=True, slots=True)
class Stated:
    """A balance at the cut in minor units by currency, and the movements around the cut, newest first."""

    minor: Counter[str]
    movements: list[BalanceMovement]


def by_processor(cut: dt.datetime) -> Stated:
    """Returns what the processor holds for us, pending and available. Raises its list's error, BalanceMovedError."""
    said, newest = _of_one_moment(totals.payments_balance)
    listed = _listed(cut)
    _newer, known = _split(listed, newest)
    minor = Counter(said)
    _take_back(minor, known, cut, Balance.PAYMENTS)
    return Stated(minor, listed)


def by_issuer(issuer: IssuersBalance, cut: dt.datetime) -> Stated:
    """Returns our balance at the issuer, with what it only holds for purchases. Raises as `by_processor`, and its own.

    What is held is read from the open authorizations, less their steps since the balance was read. One that ended since
    then is in that list no more: its steps since then say what it held.
    """
    said, newest = _of_one_moment(issuer.get_balances)
    holds = open_holds(issuer)
    listed = _listed(cut)
    newer, known = _split(listed, newest)
    minor = Counter({each.currency: each.available_minor for each in said})
    _add_held(minor, holds, newer)
    _take_back(minor, known, cut, Balance.ISSUING)
    return Stated(minor, listed)


def _of_one_moment(ask: Callable[[], Said]) -> tuple[Said, str]:
    newest = totals.newest_movement()
    for _ in range(MOST_TRIES):
        said, before = ask(), newest
        newest = totals.newest_movement()
        if newest == before:
            return said, newest
    raise BalanceMovedError("The balance moved each time it was read; compare again when there is less traffic.")


def open_holds(issuer: IssuersBalance) -> dict[str, OpenHold]:
    """Returns the authorizations that may hold money, by id. Raises the issuer's errors and EndlessHoldsError."""
    found: dict[str, OpenHold] = {}
    cursor = ""
    while True:
        page = issuer.list_open_holds(cursor=cursor)
        found |= {each.authorization_id: each for each in page.holds}
        if not page.cursor:
            return found
        if page.cursor == cursor:
            raise EndlessHoldsError("The list of holds names the same page as the next one.")
        cursor = page.cursor


def _listed(cut: dt.datetime) -> list[BalanceMovement]:
    return list(totals.movements(since=cut - MARGIN, until=clock.now() + MARGIN))


def _split(listed: list[BalanceMovement], newest: str) -> tuple[list[BalanceMovement], list[BalanceMovement]]:
    """Returns the movements since the balance was read, and those that are in it."""
    newer = list(takewhile(lambda each: each.id != newest, listed))
    return newer, listed[len(newer) :]


def _add_held(minor: Counter[str], holds: dict[str, OpenHold], newer: list[BalanceMovement]) -> None:
    later = {each.id for each in newer}
    for hold in holds.values():
        for entry in hold.entries:
            if entry.id not in later:
                minor[entry.currency] -= entry.amount_minor
    for each in newer:
        if each.is_hold and each.source_id not in holds:
            minor[each.currency] += each.amount_minor


def _take_back(minor: Counter[str], known: list[BalanceMovement], cut: dt.datetime, balance: Balance) -> None:
    for each in known:
        if each.balance == balance and not each.is_hold and each.created_at >= cut:
            minor[each.currency] -= each.net_minor
