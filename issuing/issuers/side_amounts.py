"""Reads an issuer's side amounts: the merchant's own currency, and the cash in an amount; reading never fails.

None of them decides what is held or paid in the card's currency, so a missing or odd value counts as not stated.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from issuing.issuers.messages import SideAmounts
from onecard.kit.currencies import alpha_3
from onecard.kit.currency_units import from_stripe
from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError, currency_exponent

ATM = "atm.withdrawal"


def of_stripe(content: Mapping[str, Any], currency: str) -> SideAmounts:
    """From an authorization, its pending request or a transaction; Stripe's signs are dropped.

    The merchant's amount is in its own currency's smallest unit, as Stripe counts it (onecard/kit/currency_units.py).
    """
    details = content.get("amount_details")
    details = details if isinstance(details, dict | Mapping) else {}
    theirs = alpha_3(content.get("merchant_currency"))
    return SideAmounts(
        **_foreign(_whole(content.get("merchant_amount"), theirs), theirs, currency),
        cash_minor=_whole(details.get("cashback_amount"), currency) or 0,
        atm_fee_minor=_whole(details.get("atm_fee"), currency) or 0,
    )


def of_marqeta(row: Mapping[str, Any], currency: str) -> SideAmounts:
    """From a transaction; amounts are decimals of whole units, and the network's currency code is numeric.

    That `cash_back_amount` is the cash in a purchase, and `acquirer_fee_amount` a cash machine's fee, is assumed from
    Marqeta's model; no sample was seen. If the names mean something else, only these two columns are wrong.
    """
    network = row.get("currency_conversion")
    network = network.get("network") if isinstance(network, dict | Mapping) else None
    network = network if isinstance(network, dict | Mapping) else {}
    theirs = alpha_3(network.get("original_currency_code"))
    fee = _minor(row.get("acquirer_fee_amount"), currency) or 0
    cash = _minor(row.get("cash_back_amount"), currency) or 0
    if isinstance(row.get("type"), str) and row["type"].endswith(ATM):
        cash = max(0, (_minor(row.get("amount"), currency) or 0) - fee)
    foreign = _foreign(_minor(network.get("original_amount"), theirs), theirs, currency)
    return SideAmounts(**foreign, cash_minor=cash, atm_fee_minor=fee)


def _foreign(amount_minor: int | None, theirs: str, ours: str) -> dict[str, Any]:
    if not amount_minor or not theirs or theirs == ours or not _is_money(theirs):
        return {}
    return {"merchant_amount_minor": amount_minor, "merchant_currency": theirs}


def _whole(value: object, currency: str) -> int | None:
    if type(value) is not int or abs(value) > MAX_AMOUNT_MINOR:
        return None
    try:
        return from_stripe(abs(value), currency).minor
    except MoneyError:
        return None


def _minor(value: object, currency: str) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        minor = Money.read(value, currency).minor
    except MoneyError:
        return None
    return minor if minor >= 0 else None


def _is_money(currency: str) -> bool:
    try:
        currency_exponent(currency)
    except MoneyError:
        return False
    return True
