"""The well-known test cards: which brand they are, and what happens when they are charged."""

import hashlib
from dataclasses import dataclass

from tests.sandbox.card_numbers import has_check_digit

SUCCEEDS = "succeeds"
NEEDS_USER = "authentication_required"


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card number with its brand and the outcome of a charge: SUCCEEDS, NEEDS_USER or a decline code.

    `setup` is the outcome of saving it.
    """

    __test__ = False

    number: str
    brand: str
    outcome: str = SUCCEEDS
    funding: str = "credit"
    country: str = "US"
    setup: str = SUCCEEDS


_BY_NAME = {
    "visa": TestCard("4242424242424242", "visa"),
    "mastercard": TestCard("5555555555554444", "mastercard"),
    "amex": TestCard("378282246310005", "amex"),
    "discover": TestCard("6011111111111117", "discover"),
    "visa_debit": TestCard("4000056655665556", "visa", funding="debit"),
    "mastercard_debit": TestCard("5200828282828210", "mastercard", funding="debit"),
    "mastercard_prepaid": TestCard("5105105105105100", "mastercard", funding="prepaid"),
    "jcb": TestCard("3566002020360505", "jcb"),
    "gb": TestCard("4000008260000000", "visa", country="GB"),
    "chargeDeclined": TestCard("4000000000000002", "visa", "generic_decline", setup="generic_decline"),
    "chargeDeclinedInsufficientFunds": TestCard(
        "4000000000009995", "visa", "insufficient_funds", setup="insufficient_funds"
    ),
    "chargeDeclinedLostCard": TestCard("4000000000009987", "visa", "lost_card", setup="lost_card"),
    "chargeDeclinedStolenCard": TestCard("4000000000009979", "visa", "stolen_card", setup="stolen_card"),
    "chargeDeclinedExpiredCard": TestCard("4000000000000069", "visa", "expired_card", setup="expired_card"),
    "chargeDeclinedIncorrectCvc": TestCard("4000000000000127", "visa", "incorrect_cvc", setup="incorrect_cvc"),
    "chargeDeclinedProcessingError": TestCard("4000000000000119", "visa", "processing_error", setup="processing_error"),
    "chargeCustomerFail": TestCard("4000000000000341", "visa", "generic_decline"),
    "authenticationRequired": TestCard("4000002760003184", "visa", NEEDS_USER, setup=NEEDS_USER),
    "authenticationRequiredOnSetup": TestCard("4000002500003155", "visa", setup=NEEDS_USER),
}
_BY_NUMBER = {card.number: card for card in _BY_NAME.values()}
_BRANDS = {"4": "visa", "5": "mastercard", "2": "mastercard", "3": "amex", "6": "discover"}


def named(word: str) -> TestCard | None:
    """Find the card behind `pm_card_visa`, `tok_visa` and their like."""
    for prefix in ("pm_card_", "tok_"):
        if word.startswith(prefix):
            return _BY_NAME.get(word.removeprefix(prefix))
    return None


def numbered(number: str) -> TestCard | None:
    """Find or make the card of a number; None when the number is no card number."""
    if not (number.isascii() and number.isdecimal() and 12 <= len(number) <= 19 and has_check_digit(number)):
        return None
    return _BY_NUMBER.get(number) or TestCard(number, _BRANDS.get(number[0], "unknown"))


def fingerprint(number: str) -> str:
    """Name a card number without telling it, alike for the same number."""
    return hashlib.sha256(f"sandbox:{number}".encode()).hexdigest()[:16]
