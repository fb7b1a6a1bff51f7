"""How likely a card is to pay, from its recent outcomes and a prior of its network and issuer. Off unless it is given.

A choice with odds expects `net * probability - what the processor takes`. Nothing else of the choice changes. Without
outcomes of a card its prior counts: that of all other cards of its network and issuer, which itself begins with that of
the network, and so on up to START_PPM.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

MILLION = 10**6
# A prior weighs as much as this many outcomes of the card itself.
PRIOR_OUTCOMES = 20
# What is expected of a card before there is any outcome: an ordinary rate for cards that a processor has saved.
START_PPM: Final = 950_000
CARD: Final = "card"
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Odds:
    """The probability of an approval in millionths, and the processor's fee for the network in basis points."""

    approved_ppm: int = MILLION
    fee_bp: int = 0

    def expected(self, net: int, amount_minor: int) -> int:
        """The net value, in value units, that is expected of a card with these odds."""
        # A basis point of a minor unit is 10**4 value units.
        fee = amount_minor * self.fee_bp * 10_000
        return (net - fee) * self.approved_ppm // MILLION


class Group(NamedTuple):
    """What a card has in common with others."""

    network: str
    issuer: str = ""


class Counts(NamedTuple):
    """Charges that a card's bank approved, of those that it was asked for."""

    approvals: int = 0
    attempts: int = 0

    def plus(self, other: "Counts") -> "Counts":
        return Counts(self.approvals + other.approvals, self.attempts + other.attempts)

    def less(self, other: "Counts") -> "Counts":
        return Counts(self.approvals - other.approvals, self.attempts - other.attempts)


CountsOf = Callable[[Key], Counts]


class Outcome(NamedTuple):
    """What a card's bank answered to one charge."""

    at: dt.datetime
    card: str
    group: Group
    is_approved: bool


class Record:
    """Outcomes counted by card, by network with issuer, by network, and in all."""

    def __init__(self) -> None:
        self._counts: dict[Key, Counts] = {}

    def add(self, card: str, group: Group, counts: Counts) -> None:
        for key in keys_of(card, group):
            self._counts[key] = self.counts_of(key).plus(counts)

    def counts_of(self, key: Key) -> Counts:
        return self._counts.get(key, Counts())


def odds_of_card(counts_of: CountsOf, card: str, group: Group, fee_bp: int = 0) -> Odds:
    """Returns the odds of a card: its own outcomes beside its prior."""
    own = counts_of((CARD, card))
    return estimate_odds(own.approvals, own.attempts, prior_ppm(counts_of, card, group), fee_bp)


def prior_ppm(counts_of: CountsOf, card: str, group: Group) -> int:
    """Returns the prior of a card: the rate of all others like it, each outcome counted once, its own not at all."""
    prior = START_PPM
    for wider, narrower in pairwise(keys_of(card, group)):
        prior = _shrunk(counts_of(wider).less(counts_of(narrower)), prior)
    return prior


def estimate_odds(approvals: int, attempts: int, prior_ppm: int, fee_bp: int = 0) -> Odds:
    """Returns the odds after these outcomes: the prior counts as twenty more. Raises `ValueError` for counts."""
    if not 0 <= approvals <= attempts or not 0 <= prior_ppm <= MILLION:
        raise ValueError("Approvals lie between zero and the attempts, and a prior between zero and a million.")
    return Odds(_shrunk(Counts(approvals, attempts), prior_ppm), fee_bp)


def _shrunk(counts: Counts, prior_ppm: int) -> int:
    return (counts.approvals * MILLION + PRIOR_OUTCOMES * prior_ppm) // (counts.attempts + PRIOR_OUTCOMES)


def keys_of(card: str, group: Group) -> Iterator[Key]:
    """Yields under which keys an outcome of a card is counted, the widest first. An unknown issuer is no group."""
    yield ("all",)
    yield "network", group.network
    if group.issuer:
        yield "issuer", group.network, group.issuer
    yield CARD, card
