"""Which funding card pays: the rules of docs/routing.md as a pure function. No ORM, no clock, no network.

Start at `choose`; the functions after it follow in the order in which it uses them.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import msgspec

CASH = "cash"
ZERO = Decimal(0)


class Purchase(msgspec.Struct, frozen=True):
    """The purchase: the merchant's MCC, the currency, and the moment in UTC with the cardholder's own date."""

    mcc: str
    currency: str
    at: dt.datetime
    local_date: dt.date


@dataclass(frozen=True, slots=True)
class Method:
    """A funding method as it was when the decision was made."""

    id: int
    name: str
    network: str
    product_id: int | None
    last_four: str
    processor_method_id: str
    active: bool
    expiry_year: int
    expiry_month: int
    cooling_until: dt.datetime | None
    currencies: tuple[str, ...]
    is_backup: bool
    position: int
    # Without the processor's customer no saved card can be charged.
    has_customer: bool = True
    # For caps and bonuses of the card's terms: what its owner chose, and when its periods begin.
    statement_day: int | None = None
    opened_on: dt.date | None = None
    activations: Mapping[str, str | None] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A ranking row: what a product, or a network's cards, earn at one MCC. Both dates are inclusive, None is open."""

    id: int
    version: int
    product_id: int | None
    network: str
    reward_rate: Decimal
    reward_type: str
    valid_from: dt.date | None
    valid_to: dt.date | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers that staff set: (preference, is it cash) to multiplier, and the two thresholds."""

    multipliers: dict[tuple[str, bool], Decimal]
    tie_within: Decimal
    significantly_better: Decimal


class Candidate(msgspec.Struct, frozen=True):
    """A method with its ranking row and effective reward; `left_out` says why it may not pay, or ""."""

    method: Method
    row: Row | None
    multiplier: Decimal
    effective_reward: Decimal
    left_out: str = ""

    @property
    def pays_cash(self) -> bool:
        return self.row is not None and self.row.reward_type == CASH


class Choice(msgspec.Struct, frozen=True):
    """The result: the method that pays (None: decline), the rule that decided, and every method."""

    method: Method | None
    rule: str
    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> Candidate | None:
        return next((each for each in self.candidates if each.method is self.method), None)


def choose(purchase: Purchase, methods: Sequence[Method], rows: Sequence[Row], preference: str, rules: Rules) -> Choice:
    """Picks the method that pays and names the rule that picked it (docs/routing.md, Rules).

    `rows` are those of the purchase's MCC. The choice holds all methods: candidates first, best first, then those
    left out with the reason. Without a usable method the choice has none and its rule is `no_funding_card`.
    """
    applicable = applicable_rows(rows, purchase.local_date, preference, rules)
    assessed = [_assess(method, purchase, applicable, preference, rules) for method in methods]
    ranked = _rank([candidate for candidate in assessed if not candidate.left_out], rules.tie_within)
    trace = (*ranked, *(candidate for candidate in assessed if candidate.left_out))
    if not ranked:
        backup = next((c.method for c in assessed if c.method.is_backup and c.left_out == "no_ranking_row"), None)
        return Choice(backup, "backup_unranked" if backup else "no_funding_card", trace)
    winner, rule = _apply_preference(ranked, preference, rules)
    return Choice(winner.method, rule, trace)


def _apply_preference(ranked: list[Candidate], preference: str, rules: Rules) -> tuple[Candidate, str]:
    """Applies rules 2 to 4 to sorted candidates."""
    first = ranked[0]
    if preference != CASH:
        return first, "highest_reward"
    if any(candidate.pays_cash for candidate in ranked):
        return first, "highest_with_cash_available"
    backup = next((candidate for candidate in ranked if candidate.method.is_backup), None)
    if backup is None:
        return first, "highest_without_backup"
    if first is not backup and first.effective_reward >= rules.significantly_better * backup.effective_reward:
        return first, "significantly_better_than_backup"
    return backup, "backup_without_cash"


def _assess(
    method: Method, purchase: Purchase, applicable: dict[int | str, Row], preference: str, rules: Rules
) -> Candidate:
    """Today's row for the method's product applies if there is one, else that for its network."""
    of_product = applicable.get(method.product_id) if method.product_id is not None else None
    row = of_product or applicable.get(method.network)
    multiplier = _multiplier(row, preference, rules) if row else ZERO
    reward = row.reward_rate * multiplier if row else ZERO
    reason = unusable_because(method, purchase) or ("" if row else "no_ranking_row")
    return Candidate(method, row, multiplier, reward, reason)


def unusable_because(method: Method, purchase: Purchase) -> str:
    """Returns why the method cannot be charged now, or ""."""
    if not method.active:
        return "not_active"
    if not method.has_customer:
        return "no_processor_customer"
    # A card is valid through the last day of its month, by the cardholder's own date.
    if (method.expiry_year, method.expiry_month) < (purchase.local_date.year, purchase.local_date.month):
        return "expired"
    if method.cooling_until is not None and method.cooling_until > purchase.at:
        return "cooling_down"
    if purchase.currency not in method.currencies:
        return "currency_not_supported"
    return ""


def applicable_rows(rows: Iterable[Row], day: dt.date, preference: str, rules: Rules) -> dict[int | str, Row]:
    """Returns the row that applies on this day for each product, by its id, and for each network, by its name.

    Of several rows of one scope the one that started last applies; of rows that started together, the one that is worth
    most (the walkthrough's JSON names several cards of a network), then the oldest.
    """

    def precedence(row: Row) -> tuple[dt.date, Decimal, int]:
        return row.valid_from or dt.date.min, row.reward_rate * _multiplier(row, preference, rules), -row.id

    found: dict[int | str, Row] = {}
    for row in rows:
        scope = row.network if row.product_id is None else row.product_id
        if _covers(row, day) and (scope not in found or precedence(row) > precedence(found[scope])):
            found[scope] = row
    return found


def _covers(row: Row, day: dt.date) -> bool:
    return (row.valid_from is None or row.valid_from <= day) and (row.valid_to is None or day <= row.valid_to)


def _multiplier(row: Row, preference: str, rules: Rules) -> Decimal:
    return rules.multipliers[preference, row.reward_type == CASH]


def _reward(candidate: Candidate) -> Decimal:
    return candidate.effective_reward


def _rank(candidates: list[Candidate], tie_within: Decimal) -> list[Candidate]:
    """Sorts by effective reward, highest first; a tie goes to the backup card, then to the wallet's order.

    A tie is not transitive (a ties b, b ties c, a beats c), so each place is filled in turn: all that tie with the best
    remaining one compete for it.
    """
    left = sorted(candidates, key=_reward, reverse=True)
    if all(better.effective_reward - next_one.effective_reward > tie_within for better, next_one in pairwise(left)):
        return left
    ranked = []
    while left:
        best = left[0].effective_reward
        tied = [candidate for candidate in left if best - candidate.effective_reward <= tie_within]
        winner = min(tied, key=lambda c: (not c.method.is_backup, c.method.position, c.method.id))
        ranked.append(winner)
        left.remove(winner)
    return ranked
