"""Makes every stored decision again from its trace alone, and names those that come out otherwise. Only reads.

Decisions are read in pages by their keys, so a million of them take no memory and hold no transaction open.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import QuerySet

from issuing import journal
from issuing.controls.definition import APPROVE_IN_PART
from issuing.models import Decision
from issuing.stand_in import policy
from routing import reproduction
from routing.reproduction import TraceTooShortError
from wallet.references import Subject

PAGE: Final = 1000
COLUMNS: Final = (
    "pk", "authorization_id", "approved", "amount_minor", "from_balance_minor", "rule", "decline_reason", "trace",
)  # fmt: skip
Found = list[str]


@dataclass(slots=True)
class Proof:
    """How many decisions came out the same, by their strategy; how many could not be made again; and what differs.

    `without_choice` chose no card at all, `too_short` are of a release whose traces hold less.
    """

    same: dict[str, int] = field(default_factory=dict)
    without_choice: int = 0
    too_short: int = 0
    differing: int = 0

    @property
    def looked_at(self) -> int:
        return sum(self.same.values()) + self.without_choice + self.too_short + self.differing


def count(*, since: dt.datetime | None, limit: int | None) -> int:
    """Writes out the journal, and returns how many decisions `prove` will look at."""
    journal.write_all()
    found = _stored(since).count()
    return found if limit is None else min(found, limit)


def prove(
    *,
    since: dt.datetime | None,
    limit: int | None,
    report: Callable[[str], object],
    progress: Callable[[int], object] = lambda _count: None,
) -> Proof:
    """Makes the newest decisions again, back to `since` or until `limit`; reports a sentence for each that differs."""
    proof = Proof()
    for rows in _pages(since, limit):
        for row in rows:
            for sentence in _check(row, proof):
                report(f"Decision {row['pk']} ({Subject.PURCHASE.reference(row['authorization_id'])}): {sentence}")
        progress(len(rows))
    return proof


def differences(row: Mapping[str, Any]) -> Found:
    """Returns what differs between a decision's row and what comes out of its trace. Raises TraceTooShortError."""
    trace = row["trace"]
    return [*reproduction.differences(trace), *_of_answer(row, trace)]


def _check(row: Mapping[str, Any], proof: Proof) -> Found:
    trace = row["trace"]
    if not isinstance(trace, dict) or not reproduction.has_choice(trace):
        proof.without_choice += 1
        return []
    try:
        found = differences(row)
    except TraceTooShortError:
        proof.too_short += 1
        return []
    if found:
        proof.differing += 1
    else:
        strategy = str(trace.get("strategy") or trace["preference"])
        proof.same[strategy] = proof.same.get(strategy, 0) + 1
    return found


def _of_answer(row: Mapping[str, Any], trace: Mapping[str, Any]) -> Iterator[str]:
    """Yields where the answer does not follow from the choice: its rule, and whether there was a card to charge."""
    rule = _rule(row, trace)
    if rule is not None and rule != row["rule"]:
        yield f"the rule {row['rule']!r} is stored, {rule!r} comes out."
    has_card = trace["chosen_method_id"] is not None
    pays_by_card = row["approved"] and row["amount_minor"] > row["from_balance_minor"]
    if pays_by_card and not has_card and row["rule"] != policy.RULE:
        yield "it was approved for a funding card, but none comes out."
    if row["decline_reason"] == "no_funding_card" and has_card:
        yield "it was declined for want of a funding card, but one comes out."


def _rule(row: Mapping[str, Any], trace: Mapping[str, Any]) -> str | None:
    """Returns the rule that follows (issuing/authorizations/proposal.py); None where more than the trace decided it.

    Stand-in has a rule of its own, and of an amount that a control cut the balance may pay another share.
    """
    if not row["approved"]:
        return ""
    is_cut = "asked_minor" in trace or any(hit[1] == APPROVE_IN_PART for hit in trace.get("control_hits", ()))
    if "stand_in" in trace or is_cut:
        return None
    if not row["amount_minor"]:
        return "account_verification"
    pays_minor = trace.get("balance", {}).get("pays_minor", 0)
    return str(trace["rule"]) if row["amount_minor"] > pays_minor else "card_balance"


def _pages(since: dt.datetime | None, limit: int | None) -> Iterator[list[dict[str, Any]]]:
    left, below = limit, None
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        page = _stored(since) if below is None else _stored(since).filter(pk__lt=below)
        rows = list(page.order_by("-pk").values(*COLUMNS)[:size])
        if not rows:
            return
        yield rows
        below = rows[-1]["pk"]
        left = None if left is None else left - len(rows)


def _stored(since: dt.datetime | None) -> QuerySet[Decision]:
    return Decision.objects.all() if since is None else Decision.objects.filter(decided_at__gte=since)
