"""The processor account that charges funding cards, as rules use it: compiled with the rulebook."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings

from wallet.processors import accounts


@dataclass(frozen=True, slots=True)
class Account:
    """Whether the card's issuer sees the merchant's category, and the processor's fee by network in basis points.

    `said` is what staff said of the account; None leaves it to MERCHANT_MCC_PASSED_THROUGH.
    """

    said: bool | None = None
    fees_bp: Mapping[str, int] = field(default_factory=dict)

    @property
    def passes_mcc(self) -> bool:
        return bool(settings.MERCHANT_MCC_PASSED_THROUGH) if self.said is None else self.said


def compile_account() -> Account:
    """Reads the account that charges, with its fees. Two queries."""
    found = accounts.charging()
    if found is None:
        return Account()
    return Account(found.passes_mcc, dict(found.fees.values_list("network", "fee_bp")))


def passes_mcc() -> bool:
    """Returns whether the cards' issuers see the merchants' categories as of now. One query."""
    return accounts.passes_mcc(accounts.charging())
