"""Fixed rates for purchases abroad: a sandbox needs a rate, not today's."""

from decimal import ROUND_HALF_UP, Decimal

from tests.sandbox.stripe.errors import RefusedError

# US cents for one smallest unit of a currency; yen have no cents.
_CENTS = {
    "usd": Decimal(1),
    "cad": Decimal("0.73"),
    "eur": Decimal("1.08"),
    "gbp": Decimal("1.27"),
    "jpy": Decimal("0.67"),
    "mxn": Decimal("0.055"),
}


# Stripe tells a rate with six digits or so.
_DIGITS = Decimal("0.000001")


def rate(*, source: str, target: str) -> Decimal | None:
    """Tell what one smallest unit of `source` is in those of `target`; None where the sandbox has no rate."""
    if source not in _CENTS or target not in _CENTS:
        return None
    return (_CENTS[source] / _CENTS[target]).quantize(_DIGITS)


def convert(amount: int, *, source: str, target: str) -> int:
    """Convert between currencies, both in their smallest unit; raises RefusedError for a currency without a rate."""
    if source == target:
        return amount
    for currency in (source, target):
        if currency not in _CENTS:
            raise RefusedError(f"The sandbox has rates only for {', '.join(_CENTS)}.", param="merchant_currency")
    return int((amount * _CENTS[source] / _CENTS[target]).quantize(Decimal(1), ROUND_HALF_UP))
