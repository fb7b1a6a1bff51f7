"""The published catalogue as the engine uses it: compiled once a rulebook version (routing/rulebook.py)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from routing.catalogue import rows
from routing.value.matching import Matcher
from routing.value.terms import Catalogue, Product, Programme
from wallet.models import CardProduct

# What a ranking pays in has no programme of its own: a unit of it is worth a cent.
RANKED: Final = "ranked"
FACE: Final = Programme(RANKED, Decimal(1))


@dataclass(frozen=True, slots=True)
class CompiledCatalogue:
    """The catalogue with its matcher, and its products by the key of the wallet's card product."""

    catalogue: Catalogue
    matcher: Matcher
    products: Mapping[int, Product]


def compile_catalogue() -> CompiledCatalogue:
    """Reads the published catalogue. Seven queries."""
    return compiled(rows.read())


def compiled(found: Catalogue) -> CompiledCatalogue:
    """Returns a catalogue as the engine uses it. One query, for the wallet's products."""
    catalogue = replace(found, programmes={**found.programmes, RANKED: FACE})
    keys = CardProduct.objects.filter(key__in=catalogue.products).values_list("pk", "key")
    return CompiledCatalogue(catalogue, Matcher(catalogue), {pk: catalogue.products[key] for pk, key in keys})
