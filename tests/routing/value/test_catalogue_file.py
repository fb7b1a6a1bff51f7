"""The shipped catalogue says what it should, and a bad one is refused with a sentence."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routing.value.catalogue_file import SHIPPED, CatalogueFile, CatalogueFileError, read_catalogue, shipped_catalogue


def changed(tmp_path: Path, change: Any) -> Path:
    raw = json.loads(SHIPPED.read_text("utf-8"))
    change(raw)
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps(raw), "utf-8")
    return path


def product(raw: dict[str, Any], key: str = "citi-custom-cash") -> dict[str, Any]:
    return next(each for each in raw["products"] if each["key"] == key)


def test_it_ships_at_least_forty_cards_with_their_date() -> None:
    catalogue = shipped_catalogue()

    assert len(catalogue.products) >= 40
    assert all(each.source.verified_on for each in catalogue.products.values())
    assert "Illustrative" in json.loads(SHIPPED.read_text("utf-8"))["status"]


def test_every_field_of_the_file_is_read() -> None:
    """A misspelt field would be skipped by the reader, and would not come back."""
    raw = json.loads(SHIPPED.read_text("utf-8"))
    read = msgspec.to_builtins(msgspec.json.decode(SHIPPED.read_bytes(), type=CatalogueFile))

    assert list(_missing(raw, read)) == []


def _missing(raw: Any, read: Any, path: str = "") -> Any:
    if isinstance(raw, dict):
        for name, value in raw.items():
            yield from _missing(value, read[name], f"{path}.{name}") if name in read else [f"{path}.{name}"]
    elif isinstance(raw, list):
        for index, (value, other) in enumerate(zip(raw, read, strict=True)):
            yield from _missing(value, other, f"{path}[{index}]")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda raw: product(raw).update(programme="pesos"), "citi-custom-cash: there is no programme 'pesos'."),
        (lambda raw: product(raw).update(base_rate="1.005"), "at most two decimals"),
        (lambda raw: product(raw)["bonuses"][0].update(cap="none"), "bonus top_category: the card has no cap 'none'."),
        (lambda raw: product(raw)["bonuses"][0].update(top_categories=["dinners"]), "there is no category 'dinners'."),
        (lambda raw: product(raw)["caps"][0].update(period="week"), "Invalid enum value 'week'"),
        (lambda raw: product(raw)["caps"][0].update(limit_minor=-1), "a cap must not be below zero."),
        (lambda raw: raw["categories"][0].update(mcc_ranges=[["58", "59"]]), "58-59 is no range of four-digit"),
        (lambda raw: raw["programmes"][0].update(cents_per_point="-1"), "cents per point must be 0 to 100"),
        (lambda raw: raw["merchant_lists"].clear(), "there is no merchant list 'superstores'."),
    ],
)
def test_a_bad_catalogue_is_refused(tmp_path: Path, change: Any, sentence: str) -> None:
    with pytest.raises(CatalogueFileError) as refused:
        read_catalogue(changed(tmp_path, change))
    assert sentence in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueFileError, match="cannot be read"):
        read_catalogue(tmp_path / "none.json")
