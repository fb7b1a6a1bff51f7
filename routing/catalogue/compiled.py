"""The published catalogue as the engine uses it: compiled once a rulebook version (routing/rulebook.py)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from routing.accounts import Account, compile_account
from routing.catalogue import rows
from routing.value.matching import Matcher
from routing.value.terms import Catalogue, Product, Programme
from wallet.models import CardProduct

# What a ranking pays in has no programme of its own: a unit of it is worth a cent.
RANKED: Final = "ranked"
FACE: Final = Programme(RANKED, Decimal(1))


@dataclass(frozen=True, slots=True)
class CompiledCatalogue:
    """The catalogue with its matcher, its products by the key of the wallet's card product, and the processor account.

    The account is that which charges funding cards: what a card earns depends on what its issuer sees.
    """

    catalogue: Catalogue
    matcher: Matcher
    products: Mapping[int, Product]
    account: Account = field(default_factory=Account)
    # Rankings as products, and cards of people with their terms: kept by routing/valued/holdings.py.
    ranked: dict[object, Product] = field(default_factory=dict)
    held: dict[int, Any] = field(default_factory=dict)


def compile_catalogue() -> CompiledCatalogue:
    """Reads the published catalogue and the account. Nine queries."""
    return compiled(rows.read())


def compiled(found: Catalogue) -> CompiledCatalogue:
    """Returns a catalogue as the engine uses it. Three queries, for the wallet's products and the account."""
    catalogue = replace(found, programmes={**found.programmes, RANKED: FACE})
    keys = CardProduct.objects.filter(key__in=catalogue.products).values_list("pk", "key")
    products = {pk: catalogue.products[key] for pk, key in keys}
    return CompiledCatalogue(catalogue, Matcher(catalogue), products, compile_account())
