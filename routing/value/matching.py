"""Which bonuses of a product cover a purchase: terms are prepared once, so that a decision only looks them up.

Rates are prepared as whole hundredths, so that all that follows is exact in integers.
"""

import datetime as dt
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from routing.value.periods import quarter_of
from routing.value.spend import Purchase
from routing.value.terms import EVERYTHING, LIST_MARK, Bonus, Cap, Catalogue, Channel, Holding, Product, Scope

HOME = "US"


@dataclass(frozen=True, slots=True)
class Match:
    """What a scope covers, prepared: MCCs of each channel (None: all), and prefixes of names in lower case."""

    mccs: dict[Channel, frozenset[str]] | None
    merchants: tuple[str, ...]
    excluded_mccs: frozenset[str]
    excluded: tuple[str, ...]
    valid_from: dt.date
    valid_to: dt.date

    def covers(self, purchase: Purchase, merchant: str, day: dt.date) -> bool:
        """Whether the scope covers a purchase; `merchant` is its name in lower case."""
        if not self.valid_from <= day <= self.valid_to or not self.admits(purchase.mcc, merchant):
            return False
        in_category = self.mccs is None or purchase.mcc in self.mccs[purchase.channel]
        return in_category or merchant.startswith(self.merchants)

    def admits(self, mcc: str, merchant: str) -> bool:
        """Whether the scope does not exclude a purchase."""
        return mcc not in self.excluded_mccs and not merchant.startswith(self.excluded)


@dataclass(frozen=True, slots=True)
class PreparedBonus:
    """A bonus with its rate in hundredths, its scopes, and its tags as sets of MCCs."""

    bonus: Bonus
    rate: int
    cap: Cap | None
    matches: tuple[Match, ...]
    options: dict[str, tuple[Channel, frozenset[str]]]
    valid_from: dt.date
    valid_to: dt.date


@dataclass(frozen=True, slots=True)
class PreparedProduct:
    """A product with its rates in hundredths, bonuses with the highest rate first."""

    product: Product
    base_rate: int
    foreign_fee: int
    bonuses: tuple[PreparedBonus, ...]
    exclusions: tuple[Match, ...]
    # The days on which any of its terms starts to hold, or no longer holds.
    changes: frozenset[dt.date]
    # Every prefix of a merchant's name that a term names, in lower case: all that a name can change.
    names: tuple[str, ...]
    # The bonuses that depend on an activation, and the keys of those that depend on a person's choice.
    activates: tuple[Bonus, ...]
    chosen: tuple[str, ...]
    # The product at each value of a point that somebody has: kept here by routing/value/offers.py.
    priced: dict[object, Any] = field(default_factory=dict)
    # The bonuses that may cover a purchase, by MCC and channel: found when they are first asked for.
    _candidates: dict[tuple[str, Channel], tuple[PreparedBonus, ...]] = field(default_factory=dict)

    def candidates(self, mcc: str, channel: Channel) -> tuple[PreparedBonus, ...]:
        """Returns the bonuses that this MCC does not rule out, the highest rate first."""
        found = self._candidates.get((mcc, channel))
        if found is None:
            found = tuple(each for each in self.bonuses if _may_cover(each, mcc, channel))
            self._candidates[mcc, channel] = found
        return found


@dataclass(frozen=True, slots=True)
class Hit:
    """A bonus that a purchase may earn; `tag` is set where it only does if this is the card's top category."""

    prepared: PreparedBonus
    tag: str = ""


class Matcher:
    """Prepares products of one catalogue, and finds the bonuses that cover a purchase. Keep one for each catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._prepared: dict[str, PreparedProduct] = {}
        self._mccs = {tag: (each.channel, _codes(each.mcc_ranges)) for tag, each in catalogue.categories.items()}

    def prepare(self, product: Product) -> PreparedProduct:
        """Returns the product, prepared when it is first asked for."""
        prepared = self._prepared.get(product.key)
        if prepared is None or prepared.product is not product:
            prepared = self._prepared[product.key] = self._prepare(product)
        return prepared

    def _prepare(self, product: Product) -> PreparedProduct:
        caps = {cap.key: cap for cap in product.caps}
        bonuses = [self._prepare_bonus(bonus, caps) for bonus in product.bonuses]
        exclusions = tuple(self._match(scope) for scope in product.exclusions)
        matches = [*exclusions, *(match for bonus in bonuses for match in bonus.matches)]
        spans = [(bonus.valid_from, bonus.valid_to) for bonus in bonuses]
        spans += [(match.valid_from, match.valid_to) for match in matches]
        return PreparedProduct(
            product=product,
            base_rate=int(product.base_rate * 100),
            foreign_fee=int(product.foreign_fee_percent * 100),
            bonuses=tuple(sorted(bonuses, key=lambda each: (-each.rate, each.cap is not None, each.bonus.key))),
            exclusions=exclusions,
            changes=_edges(product.valid_from, product.valid_to).union(*(_edges(first, last) for first, last in spans)),
            names=tuple({name for match in matches for name in (*match.merchants, *match.excluded)}),
            activates=tuple(bonus for bonus in product.bonuses if bonus.activation_required),
            chosen=tuple(bonus.key for bonus in product.bonuses if bonus.choice_options),
        )

    def _prepare_bonus(self, bonus: Bonus, caps: dict[str, Cap]) -> PreparedBonus:
        return PreparedBonus(
            bonus=bonus,
            rate=int(bonus.rate * 100),
            cap=caps[bonus.cap] if bonus.cap is not None else None,
            matches=tuple(self._match(scope) for scope in bonus.scopes),
            options={tag: self._mccs[tag] for tag in (*bonus.choice_options, *bonus.top_categories)},
            valid_from=bonus.valid_from or dt.date.min,
            valid_to=bonus.valid_to or dt.date.max,
        )

    def _match(self, scope: Scope) -> Match:
        tags = [self._mccs[tag] for tag in scope.categories if tag != EVERYTHING]
        mccs = {
            channel: _codes(scope.mcc_ranges).union(*(each for own, each in tags if own in (Channel.ANY, channel)))
            for channel in Channel
        }
        return Match(
            mccs=None if EVERYTHING in scope.categories else mccs,
            merchants=self._names(scope.merchants),
            excluded_mccs=frozenset().union(*(self._mccs[tag][1] for tag in scope.excluded_categories)),
            excluded=self._names(scope.excluded_merchants),
            valid_from=scope.valid_from or dt.date.min,
            valid_to=scope.valid_to or dt.date.max,
        )

    def _names(self, merchants: tuple[str, ...]) -> tuple[str, ...]:
        lists = self._catalogue.merchant_lists
        found = [lists[each[1:]] if each.startswith(LIST_MARK) else (each,) for each in merchants]
        return tuple(name.casefold() for names in found for name in names)


def find_hits(prepared: PreparedProduct, holding: Holding, purchase: Purchase, merchant: str) -> list[Hit]:
    """Returns the bonuses that the purchase may earn on this card, the highest rate first; `merchant` is casefolded."""
    hits = []
    day = purchase.at.date()
    for each in prepared.candidates(purchase.mcc, purchase.channel):
        if not each.valid_from <= day <= each.valid_to or not _allows(each.bonus, holding, purchase):
            continue
        if each.options:
            tag = _covering_tag(each, holding, purchase)
            if tag and all(match.admits(purchase.mcc, merchant) for match in each.matches):
                hits.append(Hit(each, tag if each.bonus.top_categories else ""))
        elif any(match.covers(purchase, merchant, day) for match in each.matches):
            hits.append(Hit(each))
    return hits


def _may_cover(prepared: PreparedBonus, mcc: str, channel: Channel) -> bool:
    if prepared.options:
        return any(mcc in mccs for _, mccs in prepared.options.values())
    return any(match.merchants or match.mccs is None or mcc in match.mccs[channel] for match in prepared.matches)


def _allows(bonus: Bonus, holding: Holding, purchase: Purchase) -> bool:
    if bonus.domestic_only and purchase.country != HOME:
        return False
    if bonus.channel != Channel.ANY and bonus.channel != purchase.channel:
        return False
    return not bonus.activation_required or is_activated(bonus, holding, purchase.at)


def is_activated(bonus: Bonus, holding: Holding, at: dt.datetime) -> bool:
    """Whether a bonus that must be activated is, for a purchase at this moment."""
    quarter = quarter_of(at.date())
    if quarter not in holding.activations:
        return False
    activated_at = holding.activations[quarter]
    return activated_at is None or bonus.activation_retroactive or activated_at <= at


def _covering_tag(prepared: PreparedBonus, holding: Holding, purchase: Purchase) -> str:
    """The first tag that covers the purchase: of the top categories, or of those that the person picked."""
    bonus = prepared.bonus
    for tag in bonus.top_categories or holding.choices.get(bonus.key, ())[: bonus.choice_pick]:
        channel, mccs = prepared.options.get(tag, (Channel.ANY, frozenset()))
        if purchase.mcc in mccs and channel in (Channel.ANY, purchase.channel):
            return tag
    return ""


def _edges(first: dt.date | None, last: dt.date | None) -> frozenset[dt.date]:
    """The first day on which terms hold, and the first on which they no longer do."""
    after = set() if last is None or last == dt.date.max else {last + dt.timedelta(days=1)}
    return frozenset(after | ({first} if first else set()))


@lru_cache(maxsize=1024)
def _codes(ranges: tuple[tuple[str, str], ...]) -> frozenset[str]:
    return frozenset(f"{code:04}" for low, high in ranges for code in range(int(low), int(high) + 1))
