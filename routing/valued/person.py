"""What strategy `value` knows of a person beyond the wallet: cents per point, spend of caps, and prices of space."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from routing.value.personal_rules import NO_RULES, Action, PersonalRule, PersonalRules
from routing.value.prices import NO_PRICES, Paid, Prices
from routing.value.spend import Bucket, Spend, Tally, Used
from routing.value.top_category import Gains

# A sum of this name and a rule's key counts what is spent towards the rule's target.
TARGET: Final = "target:"
RULE_COLUMNS: Final = (
    "id", "version", "position", "action", "method_id", "merchants", "above_minor", "is_foreign", "counts_from",
    "until", "target_minor",
)  # fmt: skip
# What a purchase's read has of a sum: the card, the cap or bonus, a tag or "", the first day, pending and posted.
Sum = Sequence[Any]


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """Cents per point by programme, where they are the person's own; spend and prices are empty for who has none.

    `approved_ppm` is how likely each card is to pay, by its id; empty unless ROUTING_ODDS is on.
    """

    point_cents: Mapping[str, str] = field(default_factory=dict)
    spend: Spend = field(default_factory=Spend)
    prices: Prices = NO_PRICES
    rules: PersonalRules = NO_RULES
    approved_ppm: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, read: Sequence[Any] | None) -> "PersonFacts":
        """Reads the JSON of a decision's read: own cents, sums of spend, prices, personal rules, odds."""
        if read is None:
            return cls()
        cents, sums, prices, rules, *odds = read
        listed = [each for each in sums or () if not is_target(each[1])]
        targets = {int(each[1].removeprefix(TARGET)): each[4] + each[5] for each in sums or () if is_target(each[1])}
        likely = odds[0] if odds else None
        return cls(cents or {}, spend_of(listed), prices_of(prices or {}), rules_of(rules or (), targets), likely or {})

    def cents_of(self, programme: str) -> Decimal | None:
        if not self.point_cents:
            return None
        own = self.point_cents.get(programme)
        return None if own is None else Decimal(own)


def is_target(name: str) -> bool:
    """Returns whether a sum counts towards the target of a personal rule, and is no cap."""
    return name.startswith(TARGET)


def rules_of(kept: Sequence[Sequence[Any]], target_spent: Mapping[int, int]) -> PersonalRules:
    """Returns personal rules from the JSON of a read or a trace, in the order of RULE_COLUMNS."""
    return PersonalRules(tuple(_rule(*each) for each in kept), dict(target_spent))


def kept_rule(rule: PersonalRule) -> list[Any]:
    """Returns a rule as `rules_of` reads it."""
    days = [day.isoformat() if day else None for day in (rule.counts_from, rule.until)]
    what = [rule.id, rule.version, rule.position, rule.action.value, rule.card, list(rule.merchants)]
    return [*what, rule.above_minor, rule.is_foreign, *days, rule.target_minor]


def _rule(
    key: int, version: int, place: int, action: str, card: Any, merchants: Sequence[str], above: int | None,
    is_foreign: bool | None, first: str | None, last: str | None, target: int,  # noqa: FBT001  (a row's columns)
) -> PersonalRule:  # fmt: skip
    return PersonalRule(
        id=key,
        version=version,
        position=place,
        action=Action(action),
        card=str(card),
        merchants=tuple(merchants),
        above_minor=above,
        is_foreign=is_foreign,
        counts_from=dt.date.fromisoformat(first) if first else None,
        until=dt.date.fromisoformat(last) if last else None,
        target_minor=target,
    )


def spend_of(sums: Sequence[Sum]) -> Spend:
    """Returns the spend of these sums."""
    buckets: dict[Bucket, Used] = {}
    tallies: dict[Tally, Used] = {}
    for card, name, tag, first, pending, posted in sums:
        used, starts_on = Used(pending, posted), dt.date.fromisoformat(first)
        if tag:
            tallies[Tally(str(card), name, starts_on, tag)] = used
        else:
            buckets[Bucket(str(card), name, starts_on)] = used
    return Spend(buckets, tallies)


def sums_of(spend: Spend) -> list[list[Any]]:
    """Returns spend as `spend_of` reads it."""
    found = [[b.card, b.cap, "", b.starts_on.isoformat(), *_of(used)] for b, used in spend.buckets.items()]
    return found + [[t.card, t.bonus, t.tag, t.starts_on.isoformat(), *_of(used)] for t, used in spend.tallies.items()]


def prices_of(kept: Mapping[str, Any]) -> Prices:
    """Returns prices from the JSON that `kept_prices` made."""
    space = {_bucket(each): _gains(each[3:]) for each in kept.get("space", ())}
    tops: dict[Bucket, dict[str, Gains]] = {}
    for each in kept.get("tops", ()):
        tops.setdefault(_bucket(each), {})[each[3]] = _gains(each[4:])
    paid: dict[Bucket, dict[Paid, Gains]] = {}
    for each in kept.get("paid", ()):
        paid.setdefault(_bucket(each), {})[Paid(*each[3:6])] = _gains(each[6:])
    return Prices(space, tops, paid)


def kept_prices(prices: Prices) -> dict[str, Any]:
    """Returns prices as JSON."""
    space = [[*_names(bucket), *gains] for bucket, gains in prices.space.items()]
    tops = [[*_names(bucket), tag, *gains] for bucket, found in prices.tops.items() for tag, gains in found.items()]
    paid = [[*_names(bucket), *bill, *gains] for bucket, found in prices.paid.items() for bill, gains in found.items()]
    return {name: each for name, each in (("space", space), ("tops", tops), ("paid", paid)) if each}


def _names(bucket: Bucket) -> list[str]:
    return [bucket.card, bucket.cap, bucket.starts_on.isoformat()]


def _bucket(names: Sequence[Any]) -> Bucket:
    return Bucket(str(names[0]), names[1], dt.date.fromisoformat(names[2]))


def _gains(kept: Sequence[Any]) -> Gains:
    rooms, values, *more = kept
    # Prices that were kept before there were more than two parts promise nothing more.
    return Gains(tuple(rooms), tuple(values), *more)


def _of(used: Used) -> tuple[int, int]:
    return used.pending_minor, used.posted_minor
