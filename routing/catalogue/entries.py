"""Entries of the catalogue as JSON, in the shape of its file: what drafts hold and an export writes."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.utils.translation import gettext as _

from onecard.kit.errors import OneCardError
from routing.models import Kind, RewardType
from routing.models.catalogue import KEY
from routing.value.catalogue_checks import list_problems
from routing.value.terms import Catalogue, Category, Product, Programme, Source
from wallet.models import Network

KEY_FORM: Final = re.compile(r"[A-Za-z0-9_-]+")
Entry = Any
Entries = dict[tuple[str, str], Entry]

TYPES: Final[dict[str, type]] = {
    Kind.PROGRAMME: Programme,
    Kind.CATEGORY: Category,
    Kind.MERCHANT_LIST: tuple[str, ...],
    Kind.PRODUCT: Product,
}


class CatalogueError(OneCardError):
    """The entries are no catalogue that the engine can use; `problems` has one sentence for each thing wrong."""

    code = "catalogue_refused"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def entries_of(catalogue: Catalogue) -> Entries:
    """Returns every entry by its kind and key, without what rows alone know."""
    sections: dict[str, Mapping[str, Any]] = {
        Kind.PROGRAMME: catalogue.programmes,
        Kind.CATEGORY: catalogue.categories,
        Kind.MERCHANT_LIST: catalogue.merchant_lists,
        Kind.PRODUCT: catalogue.products,
    }
    return {(str(kind), key): entry_of(value) for kind, found in sections.items() for key, value in found.items()}


def entry_of(value: Any) -> Entry:
    """Returns a programme, category, merchant list or product as JSON; what is as usual is left out, as in the file."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        said = {field.name: entry_of(getattr(value, field.name)) for field in _said(value)}
        return {name: entry for name, entry in said.items() if entry != {}}
    if isinstance(value, tuple):
        return [entry_of(each) for each in value]
    return f"{value.normalize():f}" if isinstance(value, Decimal) else msgspec.to_builtins(value)


def catalogue_of(entries: Entries) -> Catalogue:
    """Returns the catalogue of these entries, each `canonical`.

    Raises CatalogueError with a sentence for each name that stands for nothing, and for each number out of bounds.
    """
    found: dict[str, dict[str, Any]] = {kind: {} for kind in TYPES}
    for (kind, key), entry in entries.items():
        found[kind][key] = msgspec.convert(entry, TYPES[kind], str_keys=True)
    catalogue = Catalogue(
        products=found[Kind.PRODUCT],
        programmes=found[Kind.PROGRAMME],
        categories=found[Kind.CATEGORY],
        merchant_lists=found[Kind.MERCHANT_LIST],
    )
    if problems := list_problems(catalogue):
        raise CatalogueError(problems)
    return catalogue


def canonical(kind: str, key: str, entry: Entry) -> Entry:
    """Returns an entry in the one form in which it is compared and kept. Raises CatalogueError for what is none."""
    try:
        value: Any = msgspec.convert(entry, TYPES[kind], str_keys=True)
    except msgspec.ValidationError as error:
        words = _("%(kind)s %(key)s: %(error)s.") % {"kind": Kind(kind).label, "key": key, "error": error}
        raise CatalogueError([words]) from error
    if problems := list(_unfit(kind, key, value)):
        raise CatalogueError([f"{Kind(kind).label} {key}: {problem}" for problem in problems])
    return entry_of(value)


def _unfit(kind: str, key: str, value: Any) -> Iterator[str]:
    """Yields why the rows cannot hold an entry."""
    own = getattr(value, "key", getattr(value, "tag", key))
    if own != key:
        yield _("its text says that it is %(own)s.") % {"own": own}
    if len(key) > KEY or not KEY_FORM.fullmatch(key):
        yield _("a key has at most 60 letters, digits, hyphens and underscores.")
    if kind != Kind.PRODUCT:
        return
    for name, allowed in (("network", Network.values), ("reward_type", RewardType.values)):
        if getattr(value, name) not in allowed:
            yield _("%(name)s must be one of: %(allowed)s.") % {"name": name, "allowed": ", ".join(allowed)}
    for name, parts in (("caps", value.caps), ("bonuses", value.bonuses)):
        if len({part.key for part in parts}) < len(parts):
            yield _("two of its %(name)s have one key.") % {"name": name}


def _said(value: Any) -> list[Any]:
    """Returns the fields that differ from their default; a source's row is no part of an entry."""
    rows_own = ("row_id", "version") if isinstance(value, Source) else ()
    return [
        field
        for field in dataclasses.fields(value)
        if field.name not in rows_own and getattr(value, field.name) != field.default
    ]
