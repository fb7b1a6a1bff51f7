"""The cards of a wallet with the terms that count for one purchase: the catalogue's, or a ranking's in their place.

A ranking of the card's own product beats the catalogue at its MCC, since staff wrote it for that very case. A ranking
of a whole network never does: it stands in only for a card whose product has no terms (docs/routing.md). Where the
merchant's category is not passed through, no ranking beats the catalogue, since the card's issuer does not see the MCC.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from routing.catalogue.compiled import RANKED, CompiledCatalogue
from routing.engine import Method, Row
from routing.value.terms import Holding, Product, Source
from routing.valued.person import PersonFacts

# Where our own merchant code is all that an issuer sees, a ranking of a category says nothing of the card's base rate.
LOWEST_BASE: Final = Decimal(1)
CATALOGUE, OVERRIDE, RANKING = "catalogue", "override", "ranking"


@dataclass(frozen=True, slots=True)
class Held:
    """A card with its holding, and where its terms come from: catalogue, override (of it) or ranking."""

    method: Method
    holding: Holding
    basis: str
    row: Row | None


def held(
    methods: Sequence[Method],
    found: CompiledCatalogue,
    ranked: Mapping[int | str, Row],
    person: PersonFacts,
    *,
    is_passed_through: bool,
) -> list[Held]:
    """Returns the cards that have terms or a ranking. `ranked` are the rows that apply today at the purchase's MCC."""
    cards = []
    for method in methods:
        terms = found.products.get(method.product_id) if method.product_id is not None else None
        own = ranked.get(method.product_id) if method.product_id is not None else None
        if terms is not None and not is_passed_through:
            own = None
        row = own or (ranked.get(method.network) if terms is None else None)
        if terms is None and row is None:
            continue
        basis = CATALOGUE if row is None else RANKING if terms is None else OVERRIDE
        product = _product(method, terms, row, is_passed_through=is_passed_through)
        holding = Holding(
            card=str(method.id),
            product=product,
            choices={key: tuple(tags) for key, tags in method.choices.items()},
            activations={quarter: _moment(at) for quarter, at in method.activations.items()},
            cents_per_point=person.cents_of(product.programme),
            statement_day=method.statement_day or 1,
            opened_on=method.opened_on,
            is_backup=method.is_backup,
            passed_through=is_passed_through,
        )
        cards.append(Held(method, holding, basis, row))
    return cards


def _product(method: Method, terms: Product | None, row: Row | None, *, is_passed_through: bool) -> Product:
    """Returns the terms, with a ranking's rate in their place where there is one."""
    if row is None:
        assert terms is not None  # noqa: S101  (the caller leaves out a card with neither)
        return terms
    rate = row.reward_rate if is_passed_through else min(row.reward_rate, LOWEST_BASE)
    ranked = Product(
        key=f"{RANKED}-{row.id}",
        name=method.name,
        issuer="",
        network=method.network,
        reward_type=row.reward_type,
        programme=RANKED,
        base_rate=rate,
        source=Source(row.id, row.version),
    )
    if terms is None:
        return ranked
    programme = terms.programme if row.reward_type in ("points", "miles") else RANKED
    return replace(
        ranked, programme=programme, foreign_fee_percent=terms.foreign_fee_percent, exclusions=terms.exclusions
    )


def _moment(text: str | None) -> dt.datetime | None:
    """Returns an activation's local time; None where only the fact is known."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=None) if text else None
