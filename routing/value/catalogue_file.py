"""Reads a reward catalogue from a file: fixtures/reward_catalogue.json, in the shape of routing/value/terms.py."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from routing.value.catalogue_checks import list_problems
from routing.value.terms import Catalogue, Category, Product, Programme

SHIPPED = Path(__file__).resolve().parents[2] / "fixtures" / "reward_catalogue.json"


class CatalogueFileError(Exception):
    """The file is no catalogue; the message says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """The file's own shape: lists, and a sentence that says what the facts are good for."""

    title: str
    status: str
    as_of: dt.date
    programmes: tuple[Programme, ...]
    categories: tuple[Category, ...]
    merchant_lists: Mapping[str, tuple[str, ...]]
    products: tuple[Product, ...]


def read_catalogue(path: Path) -> Catalogue:
    """Reads and checks the file. Raises `CatalogueFileError` with a sentence for each thing that is wrong."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=CatalogueFile)
    except OSError as error:
        raise CatalogueFileError(f"{path} cannot be read: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise CatalogueFileError(f"{path} is no reward catalogue: {error}.") from error
    catalogue = Catalogue(
        products={each.key: each for each in file.products},
        programmes={each.key: each for each in file.programmes},
        categories={each.tag: each for each in file.categories},
        merchant_lists=file.merchant_lists,
        as_of=file.as_of,
    )
    if problems := list_problems(catalogue):
        raise CatalogueFileError(f"{path}: " + " ".join(problems))
    return catalogue


@cache
def shipped_catalogue() -> Catalogue:
    """The catalogue that the product ships: illustrative facts, with their date."""
    return read_catalogue(SHIPPED)
