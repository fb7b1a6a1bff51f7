"""Removes card numbers and codes from old documents, before anything of them is stored, hashed or shown.

The old ciphertext cannot be decrypted with our keys, so it is dropped; a number in plain digits may be sealed
(issuing.card_data). By name they are left out wherever they stand; by form (Luhn) they are masked in any other text,
because people write numbers into notes and merchants into descriptors.
"""

import functools
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables

from onecard.kit.luhn import passes_luhn
from onecard.kit.masking import masked

MASK: Final = "••••"
_NUMBER_NAMES: Final = ("encryptedcardnumber", "cardnumber", "pan", "primaryaccountnumber", "number")
_CVV_NAMES: Final = ("encryptedcvv", "cvv", "cvc", "cvv2", "cvc2", "securitycode")
_PARTS_OF_SECRET_NAMES: Final = ("cvv", "cvc", "cardnumber", "securitycode", "accountnumber")
_SECRET_NAMES: Final = frozenset(
    {*_NUMBER_NAMES, *_CVV_NAMES, "encryptedpan", "pin", "pinblock", "encryptedpin", "track1", "track2", "trackdata"}
) - {"number"}

_SHORTEST_NUMBER, _LONGEST_NUMBER = 12, 19
# Twelve digits and millisecond times are too common to be taken for a card by their form.
_SHORTEST_BY_FORM: Final = 13
_NO_CARD: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\d{4}-\d\d-\d\d[ T].*")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A document without card data, with the card's own number and code where they came in plain digits."""

    document: dict[str, Any]
    number: str = field(default="", repr=False)
    cvv: str = field(default="", repr=False)
    had_card_data: bool = False


@sensitive_variables()
def redacted(document: dict[str, Any]) -> Cleaned:
    """Returns the document without card numbers and codes, so that it may be stored."""
    number, cvv = _first(document, _NUMBER_NAMES), _first(document, _CVV_NAMES)
    digits = re.sub(r"[ \-]", "", number)
    plain = bool(re.fullmatch(r"[0-9]{12,19}", digits)) and passes_luhn(digits)
    kept = {name: value for name, value in document.items() if spelling(name) != "number"}
    return Cleaned(
        document=_cleaned(kept),
        number=digits if plain else "",
        cvv=cvv if plain and re.fullmatch(r"[0-9]{3,4}", cvv) else "",
        had_card_data=bool(number or cvv),
    )


@functools.lru_cache(maxsize=2048)
def spelling(name: str) -> str:
    """Returns a field's name in one spelling: issuerCardId, issuer_card_id and issuer-card-id are equal."""
    return re.sub(r"[^0-9a-z]", "", name.lower())


def masked_text(text: str) -> str:
    """Covers the digits of card numbers and codes in a text, and replaces what PostgreSQL cannot store."""
    storable = _UNSTORABLE.sub("\ufffd", text)
    if _NO_CARD.fullmatch(storable):
        return storable
    return masked(storable, cover=_covered, looks_like=_looks_like_card)


def _first(document: dict[str, Any], names: tuple[str, ...]) -> str:
    """Returns the first of these fields that is not empty, as text; a wrapped number is unwrapped."""
    found = {spelling(given): value for given, value in document.items()}
    for value in (found[name] for name in names if name in found):
        inner = next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else value
        if inner not in (None, ""):
            return str(inner).strip()
    return ""


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {masked_text(name): _cleaned(member) for name, member in value.items() if not _is_secret(name)}
    if isinstance(value, list):
        return [_cleaned(member) for member in value]
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return _masked_number(value)
    return value


@functools.lru_cache(maxsize=2048)
def _is_secret(name: str) -> bool:
    plain = spelling(name)
    return plain in _SECRET_NAMES or any(part in plain for part in _PARTS_OF_SECRET_NAMES)


def _masked_number(value: int | Decimal) -> Any:
    """Covers a number that looks like a card's; one of 13 digits may be a time in milliseconds, so it stays."""
    text = format(value, "f").partition(".")[0]
    masked = masked_text(text) if len(text) > _SHORTEST_BY_FORM else text
    return value if masked == text else masked


def _covered(number: str) -> str:
    return f"{MASK} {number[-4:]}"


def _looks_like_card(digits: str) -> bool:
    return _SHORTEST_BY_FORM <= len(digits) <= _LONGEST_NUMBER and digits[0] in "23456" and passes_luhn(digits)
