"""The cards of a wallet with the terms that count for one purchase: the catalogue's, or a ranking's in their place.

A ranking of the card's own product beats the catalogue at its MCC, since staff wrote it for that very case. A ranking
of a whole network never does: it stands in only for a card whose product has no terms (docs/routing.md). Where the
merchant's category is not passed through, no ranking beats the catalogue, since the card's issuer does not see the MCC.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final, NamedTuple

from routing.catalogue.compiled import RANKED, CompiledCatalogue
from routing.engine import Method, Row
from routing.value.offers import price
from routing.value.terms import Holding, Product, Source
from routing.value.wallet import Card
from routing.valued.person import PersonFacts

# Where our own merchant code is all that an issuer sees, a ranking of a category says nothing of the card's base rate.
LOWEST_BASE: Final = Decimal(1)
CATALOGUE, OVERRIDE, RANKING = "catalogue", "override", "ranking"
# Cards that a process remembers as the engine has them.
MOST_HELD: Final = 20_000


class Held(NamedTuple):
    """A card as the engine has it, and where its terms come from: catalogue, override (of it) or ranking."""

    method: Method
    card: Card
    basis: str
    row: Row | None

    @property
    def holding(self) -> Holding:
        return self.card.holding


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
        key = method.product_id
        terms, row = (None, None) if key is None else (found.products.get(key), ranked.get(key))
        if terms is None:
            row = row or ranked.get(method.network)
        elif not is_passed_through:
            row = None
        if row is None and terms is None:
            continue
        cards.append(_remembered(method, found, terms, row, person, passes=is_passed_through))
    return cards


def _remembered(
    method: Method,
    found: CompiledCatalogue,
    terms: Product | None,
    row: Row | None,
    person: PersonFacts,
    *,
    passes: bool,
) -> Held:
    """Returns the card as it was made before, unless something that it is made of has changed."""
    known: tuple[Held, Row | None, Mapping[str, str], bool] | None = found.held.get(method.id)
    if known is not None and known[1:] == (row, person.point_cents, passes):
        kept = known[0].method
        if kept is method or kept == method:
            return known[0]
    if len(found.held) >= MOST_HELD:
        found.held.clear()
    made = _hold(method, found, terms, row, person, passes=passes)
    found.held[method.id] = (made, row, person.point_cents, passes)
    return made


def _hold(
    method: Method,
    found: CompiledCatalogue,
    terms: Product | None,
    row: Row | None,
    person: PersonFacts,
    *,
    passes: bool,
) -> Held:
    basis = CATALOGUE if row is None else RANKING if terms is None else OVERRIDE
    product = terms if row is None else _ranked(found, method, terms, row, passes=passes)
    assert product is not None  # noqa: S101  (the caller leaves out a card with neither)
    holding = Holding(
        card=str(method.id),
        product=product,
        choices={key: tuple(tags) for key, tags in method.choices.items()},
        activations={quarter: _moment(at) for quarter, at in method.activations.items()},
        cents_per_point=person.cents_of(product.programme),
        statement_day=method.statement_day or 1,
        opened_on=method.opened_on,
        is_backup=method.is_backup,
        passed_through=passes,
    )
    return Held(method, Card(holding, price(found.matcher, found.catalogue, holding)), basis, row)


def _ranked(found: CompiledCatalogue, method: Method, terms: Product | None, row: Row, *, passes: bool) -> Product:
    """Returns a ranking as a product, with what it leaves of the terms; made once for each text of a row."""
    key = (row, method.network, terms.key if terms else "", passes)
    product = found.ranked.get(key)
    if product is None:
        name = "-".join((RANKED, str(row.id), terms.key if terms else method.network))
        product = found.ranked[key] = _as_product(name, method.network, terms, row, passes=passes)
    return product


def _as_product(name: str, network: str, terms: Product | None, row: Row, *, passes: bool) -> Product:
    ranked = Product(
        key=name,
        name=name,
        issuer="",
        network=network,
        reward_type=row.reward_type,
        programme=RANKED,
        base_rate=row.reward_rate if passes else min(row.reward_rate, LOWEST_BASE),
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
