"""What is wrong with a catalogue: names that stand for nothing, and numbers that the engine could not hold exactly."""

from collections.abc import Iterator
from decimal import Decimal

from routing.value.terms import EVERYTHING, LIST_MARK, Bonus, Catalogue, Product, Scope

HIGHEST_RATE = Decimal(100)


def list_problems(catalogue: Catalogue) -> list[str]:
    """Returns one sentence for each problem; an empty list means that the engine can use the catalogue."""
    found = [*_of_programmes(catalogue), *_of_categories(catalogue)]
    for product in catalogue.products.values():
        found += [f"{product.key}: {problem}" for problem in _of_product(product, catalogue)]
    return found


def _of_programmes(catalogue: Catalogue) -> Iterator[str]:
    for programme in catalogue.programmes.values():
        if not 0 <= programme.cents_per_point <= HIGHEST_RATE or not has_places(programme.cents_per_point, 4):
            yield f"Programme {programme.key}: cents per point must be 0 to 100 with at most four decimals."


def _of_categories(catalogue: Catalogue) -> Iterator[str]:
    for category in catalogue.categories.values():
        yield from (f"Category {category.tag}: {problem}" for problem in _of_ranges(category.mcc_ranges))


def _of_ranges(ranges: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for low, high in ranges:
        if not (len(low) == len(high) == 4 and (low + high).isdigit() and low <= high):
            yield f"{low}-{high} is no range of four-digit merchant category codes."


def _of_product(product: Product, catalogue: Catalogue) -> Iterator[str]:
    if product.programme not in catalogue.programmes:
        yield f"there is no programme {product.programme!r}."
    caps = {cap.key for cap in product.caps}
    if any(cap.limit_minor < 0 for cap in product.caps):
        yield "a cap must not be below zero."
    rates = [product.base_rate, product.foreign_fee_percent, *(bonus.rate for bonus in product.bonuses)]
    rates += [cap.rate_after for cap in product.caps if cap.rate_after is not None]
    if any(not 0 <= rate <= HIGHEST_RATE or not has_places(rate, 2) for rate in rates):
        yield "rates and the foreign fee must be 0 to 100 with at most two decimals."
    for scope in product.exclusions:
        yield from _of_scope(scope, catalogue)
    for bonus in product.bonuses:
        yield from (f"bonus {bonus.key}: {problem}" for problem in _of_bonus(bonus, caps, catalogue))


def _of_bonus(bonus: Bonus, caps: set[str], catalogue: Catalogue) -> Iterator[str]:
    if bonus.cap is not None and bonus.cap not in caps:
        yield f"the card has no cap {bonus.cap!r}."
    if bonus.top_categories and bonus.cap is None:
        yield "a top category needs a cap, whose period says when it is counted."
    for tag in (*bonus.choice_options, *bonus.top_categories):
        if tag not in catalogue.categories:
            yield f"there is no category {tag!r}."
    for scope in bonus.scopes:
        yield from _of_scope(scope, catalogue)


def _of_scope(scope: Scope, catalogue: Catalogue) -> Iterator[str]:
    for tag in (*scope.categories, *scope.excluded_categories):
        if tag != EVERYTHING and tag not in catalogue.categories:
            yield f"there is no category {tag!r}."
    for name in (*scope.merchants, *scope.excluded_merchants):
        if name.startswith(LIST_MARK) and name[1:] not in catalogue.merchant_lists:
            yield f"there is no merchant list {name[1:]!r}."
    yield from _of_ranges(scope.mcc_ranges)


def has_places(number: Decimal, places: int) -> bool:
    """Whether the number has at most this many decimals."""
    return number == round(number, places)
