"""Odds as they would have been at the time of each stored purchase, for a backtest before ROUTING_ODDS is switched on.

`manage.py backtest --strategy value_with_odds` decides each purchase with the odds of that moment, which know only the
outcomes of charges that were made before. Whether such odds come true is counted by `calibration`.
"""

import datetime as dt
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from routing.accounts import Account, compile_account
from routing.engine import Method
from routing.odds import outcomes
from routing.value.choice import ValueChoice
from routing.value.likelihood import MILLION, Counts, Group, Key, Odds, Outcome, keys_of, odds_of_card
from routing.valued import trace
from wallet.models import FundingMethod

STRATEGY: Final = "value_with_odds"
# Bounds between which likelihoods are compared with what came of them, in millionths.
BANDS: Final = (0, 500_000, 800_000, 900_000, 950_000, 980_000, MILLION + 1)


@dataclass(slots=True)
class _Line:
    """Outcomes under one key in the order of their time, with the approvals up to each."""

    at: list[dt.datetime] = field(default_factory=list)
    approvals: list[int] = field(default_factory=lambda: [0])

    def add(self, outcome: Outcome) -> None:
        self.at.append(outcome.at)
        self.approvals.append(self.approvals[-1] + outcome.is_approved)

    def between(self, first: dt.datetime, last: dt.datetime) -> Counts:
        low, high = bisect_left(self.at, first), bisect_left(self.at, last)
        return Counts(self.approvals[high] - self.approvals[low], high - low)


@dataclass(frozen=True, slots=True)
class Band:
    """Charges whose likelihood was between two bounds: how many approvals were expected, and how many came."""

    low_ppm: int
    high_ppm: int
    charges: int
    expected: float
    approved: int


class PastOdds:
    """The odds that cards had at any moment of a period."""

    def __init__(self, *, since: dt.datetime, until: dt.datetime, account: Account | None = None) -> None:
        self._since, self._account = since, account or compile_account()
        self._outcomes = list(outcomes.list_outcomes(since - outcomes.RECENT, until))
        self._lines: dict[Key, _Line] = {}
        for each in self._outcomes:
            for key in keys_of(each.card, each.group):
                self._lines.setdefault(key, _Line()).add(each)
        rows = FundingMethod.objects.filter(product__isnull=False).values_list("pk", "product__issuer")
        self._issuers = dict(rows)

    def of_methods(self, methods: Sequence[Method], at: dt.datetime) -> dict[str, Odds]:
        """Returns the odds of these cards just before a moment."""
        return {str(each.id): self._of(str(each.id), self._group(each.id, each.network), at) for each in methods}

    def choose(self, stored: Mapping[str, Any]) -> ValueChoice:
        """Makes a stored choice by value again, with the odds of its moment.

        Raises KeyError, TypeError or ValueError for a trace that is not by value, or of another release.
        """
        at, cards = dt.datetime.fromisoformat(stored["at"]), stored["candidates"]
        left_out = {str(each["method_id"]): each["left_out"] for each in cards if each["left_out"]}
        odds = {
            str(each["method_id"]): self._of(
                str(each["method_id"]), self._group(each["method_id"], str(each["network"])), at
            )
            for each in cards
        }
        return trace.again(stored["value"], left_out, odds=odds)

    def calibration(self) -> list[Band]:
        """Returns what was expected of the charges of the period, and what came of them, by their likelihood."""
        found = [
            (self._of(each.card, each.group, each.at).approved_ppm, each.is_approved)
            for each in self._outcomes
            if each.at >= self._since
        ]
        bands = []
        for low, high in pairwise(BANDS):
            inside = [(ppm, came) for ppm, came in found if low <= ppm < high]
            if inside:
                expected = sum(ppm for ppm, _came in inside) / MILLION
                bands.append(Band(low, min(high, MILLION), len(inside), expected, sum(came for _ppm, came in inside)))
        return bands

    def _of(self, card: str, group: Group, at: dt.datetime) -> Odds:
        def counts_of(key: Key) -> Counts:
            line = self._lines.get(key)
            return line.between(at - outcomes.RECENT, at) if line else Counts()

        return odds_of_card(counts_of, card, group, self._account.fees_bp.get(group.network, 0))

    def _group(self, method_id: int, network: str) -> Group:
        return Group(network, self._issuers.get(method_id, ""))
