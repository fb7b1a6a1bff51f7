"""The most that purchases could have earned with these cards, in hindsight: a bound with its own proof.

Each purchase may be split over cards and rates, and no bucket holds more than is left of it: a transportation problem,
whose optimum no router can pass. For any prices of space, none below zero, all that can be earned is at most

    sum of room * price + sum of amount * the best gain less its price, where that is above zero,

whatever is assigned to what: what earns in a bucket pays its price there, and no bucket takes in more than its room. So
`prove` needs no trust in how the prices were found (docs/decisions/0066). All values are whole units
(routing/value/wallet.py), so the bound is exact.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from routing.value.offers import Offer, Tier
from routing.value.space_flow import Lot, best_prices
from routing.value.spend import Bucket, Purchase, Spend, Tally
from routing.value.wallet import Card

# Which category a top category's bonus goes to is tried out one by one, up to so many combinations of several cards.
MOST_OPENINGS = 128


class Slot(NamedTuple):
    """A bucket, or one category of a top category's bucket, of which one may be open."""

    bucket: Bucket
    tag: str = ""


class Offered(NamedTuple):
    """A purchase with what each card that could pay it offers."""

    purchase: Purchase
    offers: tuple[tuple[Card, Offer], ...]


@dataclass(slots=True)
class Problem:
    """`free` is what all purchases earn without scarce space; lots say what space adds to that, rooms how much is left.

    Purchases with the same gains are one lot.
    """

    free: int = 0
    lots: dict[tuple[tuple[Slot, int], ...], int] = field(default_factory=dict)
    rooms: dict[Slot, int] = field(default_factory=dict)


def most_earned(offered: Iterable[Offered], before: Spend) -> int:
    """Returns the bound in value units, foreign fees taken off; `before` is what was spent before the purchases."""
    problem = lay_out(offered, before)
    return problem.free + max(_most_in(problem, closed) for closed in _openings(problem))


def lay_out(offered: Iterable[Offered], before: Spend) -> Problem:
    """Returns the problem; a purchase that no card could pay adds nothing."""
    problem = Problem()
    for purchase, offers in offered:
        if not offers:
            continue
        free = max(offer.tiers[-1].value - offer.fee for _, offer in offers)
        problem.free += free * purchase.amount_minor
        gains = _gains(purchase, offers, free, problem, before)
        if gains:
            problem.lots[gains] = problem.lots.get(gains, 0) + purchase.amount_minor
    return problem


def prove(lots: Sequence[Lot[Slot]], rooms: Mapping[Slot, int], prices: Mapping[Slot, int]) -> int:
    """Returns what these prices prove to be the most that space can add; prices below zero count as zero."""
    price = {slot: max(0, prices.get(slot, 0)) for slot in rooms}
    paid = sum(room * price[slot] for slot, room in rooms.items())
    return paid + sum(
        lot.amount * max(0, *(gain - price[slot] for slot, gain in lot.gains.items())) for lot in lots if lot.gains
    )


def _gains(
    purchase: Purchase, offers: Sequence[tuple[Card, Offer]], free: int, problem: Problem, before: Spend
) -> tuple[tuple[Slot, int], ...]:
    """Returns what each slot with room adds for one minor unit of the purchase, the best of several rates."""
    gains: dict[Slot, int] = {}
    for card, offer in offers:
        for tier in offer.tiers[:-1]:
            gain = tier.value - offer.fee - free
            if gain <= 0 or tier.cap is None:
                continue
            slot = Slot(card.bucket(tier.cap, purchase.at.date()), tier.tag)
            if slot not in problem.rooms:
                problem.rooms[slot] = room_before(slot, tier, before)
            if problem.rooms[slot]:
                gains[slot] = max(gain, gains.get(slot, 0))
    return tuple(sorted(gains.items()))


def room_before(slot: Slot, tier: Tier, before: Spend) -> int:
    """Returns what was left of a slot; of a top category's, what was left for this category."""
    if tier.cap is None or tier.hit is None:
        raise ValueError("Only a rate under a cap needs space.")
    used = before.buckets.get(slot.bucket)
    if slot.tag:
        bucket = slot.bucket
        used = before.tallies.get(Tally(bucket.card, tier.hit.prepared.bonus.key, bucket.starts_on, slot.tag))
    return max(0, tier.cap.limit_minor - (used.total_minor if used else 0))


def _most_in(problem: Problem, closed: frozenset[Slot]) -> int:
    rooms = {slot: room for slot, room in problem.rooms.items() if room and slot not in closed}
    lots = [
        Lot(amount, {slot: gain for slot, gain in gains if slot in rooms}) for gains, amount in problem.lots.items()
    ]
    return prove(lots, rooms, best_prices(lots, rooms))


def _openings(problem: Problem) -> Iterator[frozenset[Slot]]:
    """Yields which slots are closed, for each choice of one open category in each top category's bucket.

    With too many combinations the categories of the last buckets are all open, which allows more than is possible, so
    that the bound still holds.
    """
    choices: list[list[frozenset[Slot]]] = []
    combinations = 1
    for slots in _by_bucket(problem).values():
        combinations *= len(slots)
        if combinations > MOST_OPENINGS:
            break
        choices.append([frozenset(slots) - {each} for each in slots])
    for picks in product(*choices):
        yield frozenset().union(*picks)


def _by_bucket(problem: Problem) -> dict[Bucket, list[Slot]]:
    """The slots of categories, by their bucket."""
    found: dict[Bucket, list[Slot]] = {}
    for slot in sorted(each for each in problem.rooms if each.tag):
        found.setdefault(slot.bucket, []).append(slot)
    return found
