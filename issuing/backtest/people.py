"""The people of a backtest with their stored purchases, the oldest first: a page of people at a time. Only reads."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from issuing import states
from issuing.backtest.kept import kept_of
from issuing.backtest.stored import CHOSEN, StoredDecision, product_ids, stored_decisions
from issuing.models import Decision
from issuing.rewards.space_prices import REMEMBERED
from onecard.kit.money import Money
from routing import replay
from routing.models import PersonalRule, SpendBooking
from routing.replay import Circumstances
from routing.value.personal_rules import PersonalRules
from routing.value.spend import Spend
from routing.valued.person import RULE_COLUMNS, rules_of, spend_of
from wallet.models import Cardholder

# The purchases of a page are in memory, some 20 kB each.
PAGE: Final = 10
# What came to nothing earned nothing.
ENDED: Final = (states.Authorization.REVERSED, states.Authorization.EXPIRED)


@dataclass(frozen=True, slots=True)
class Past:
    """A stored purchase, what was kept of it, and what its decision chose from; None where the trace says too little.

    The card is chosen for the amount that was asked for; money and caps count what was kept.
    """

    decision: StoredDecision
    circumstances: Circumstances | None
    kept: Money


@dataclass(frozen=True, slots=True)
class Person:
    """A cardholder: own cents for points, own rules as they are now, and what was spent of caps before the period."""

    holder: Cardholder
    rules: PersonalRules
    spent: Spend
    purchases: list[Past] = field(default_factory=list)


def count() -> int:
    """Returns how many people there are to go through."""
    return Cardholder.objects.count()


def pages(*, since: dt.datetime, until: dt.datetime) -> Iterator[tuple[int, list[Person]]]:
    """Yields how many people were looked at, and those of them who bought something in the period."""
    after = 0
    while True:
        page = list(Cardholder.objects.filter(pk__gt=after).order_by("pk")[:PAGE])
        if not page:
            return
        after = page[-1].pk
        yield len(page), _with_purchases(page, since, until)


def person_of(holder: Cardholder, *, since: dt.datetime, until: dt.datetime) -> Person | None:
    """Returns one person; None for somebody who bought nothing in the period."""
    return next(iter(_with_purchases([holder], since, until)), None)


def _with_purchases(page: Sequence[Cardholder], since: dt.datetime, until: dt.datetime) -> list[Person]:
    ids = [each.pk for each in page]
    bought = _purchases(ids, since, until)
    if not bought:
        return []
    rules, spent = _rules(bought), _spent(bought, since)
    return [
        Person(each, rules_of(rules.get(each.pk, ()), {}), spend_of(spent.get(each.pk, ())), bought[each.pk])
        for each in page
        if each.pk in bought
    ]


def _purchases(ids: Collection[int], since: dt.datetime, until: dt.datetime) -> dict[int, list[Past]]:
    rows = Decision.objects.filter(
        CHOSEN, authorization__card__cardholder_id__in=ids, decided_at__gte=since, decided_at__lt=until,
        corrected_by__isnull=True,
    ).exclude(authorization__status__in=ENDED)  # fmt: skip
    found = stored_decisions(rows.order_by("pk"))
    products, kept = product_ids(found), kept_of(found)
    bought: dict[int, list[Past]] = {}
    for each in found:
        # What came back whole earned nothing, whichever card paid it.
        if each.cardholder_id is not None and kept[each.id].minor > 0:
            past = Past(each, replay.circumstances(each.trace, products), kept[each.id])
            bought.setdefault(each.cardholder_id, []).append(past)
    return bought


def _rules(ids: Collection[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    rows = PersonalRule.objects.filter(cardholder_id__in=ids).order_by("position", "pk")
    for holder_id, *row in rows.values_list("cardholder_id", *RULE_COLUMNS):
        plain = [each.isoformat() if isinstance(each, dt.date) else each for each in row]
        found.setdefault(holder_id, []).append(plain)
    return found


def _spent(ids: Collection[int], since: dt.datetime) -> dict[int, list[Any]]:
    """Returns what the charges before the period took of caps and categories, and kept, as `spend_of` reads it."""
    bookings = SpendBooking.objects.filter(
        charge__method__cardholder_id__in=ids, charge__created_at__lt=since, charge__created_at__gte=since - REMEMBERED
    ).exclude(status=SpendBooking.Status.RELEASED)
    sums: dict[tuple[Any, ...], int] = {}
    names = ("method__cardholder_id", "method_id", "amount_minor", "kept_minor", "shares")
    for holder_id, method_id, amount, kept, shares in bookings.values_list(*names):
        for name, tag, first, minor in shares:
            key = (holder_id, method_id, name, tag, first)
            sums[key] = sums.get(key, 0) + (minor * kept // amount if amount else 0)
    found: dict[int, list[Any]] = {}
    for (holder_id, *names_of), minor in sums.items():
        found.setdefault(holder_id, []).append([*names_of, 0, minor])
    return found
