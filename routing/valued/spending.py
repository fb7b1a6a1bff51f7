"""What a person's caps hold after a decision, for a process that remembers them until it reads them again.

The sums in the database follow from the wallet some seconds later (docs/decisions/0064), and raise no version.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from routing.value.personal_rules import Action, PersonalRules
from routing.value.spend import Bucket, Spend, Tally, Used
from routing.valued.person import PersonFacts


def after(person: PersonFacts, stored: Mapping[str, Any], amount_minor: int) -> PersonFacts | None:
    """Returns what is known of the person once the purchase of this trace was approved.

    None where that cannot be said: another amount was approved than the one that the choice was made for.
    """
    saw, method_id = stored.get("value"), stored.get("chosen_method_id")
    if saw is None or method_id is None:
        return person
    if saw["purchase"]["amount_minor"] != amount_minor:
        return None
    card, day = str(method_id), dt.date.fromisoformat(saw["purchase"]["at"][:10])
    spend = _booked(person.spend, card, saw.get("takes", ()))
    return replace(person, spend=spend, rules=_nearer(person.rules, card, day, amount_minor))


def _booked(spend: Spend, card: str, takes: Sequence[Sequence[Any]]) -> Spend:
    if not takes:
        return spend
    buckets, tallies = dict(spend.buckets), dict(spend.tallies)
    for name, tag, first, minor in takes:
        starts_on = dt.date.fromisoformat(first)
        if tag:
            tally = Tally(card, name, starts_on, tag)
            tallies[tally] = _more(tallies.get(tally), minor)
        else:
            bucket = Bucket(card, name, starts_on)
            buckets[bucket] = _more(buckets.get(bucket), minor)
    return Spend(buckets, tallies)


def _more(used: Used | None, minor: int) -> Used:
    return Used(used.pending_minor + minor, used.posted_minor) if used else Used(minor)


def _nearer(rules: PersonalRules, card: str, day: dt.date, minor: int) -> PersonalRules:
    """Returns the rules with what this purchase adds to the targets of its card, as routing/valued/booking.py does."""
    spent = {
        each.id: rules.target_spent.get(each.id, 0) + minor
        for each in rules.rules
        if each.action == Action.TARGET and each.card == card
        and (each.counts_from or day) <= day <= (each.until or day)
    }  # fmt: skip
    return replace(rules, target_spent={**rules.target_spent, **spent}) if spent else rules
