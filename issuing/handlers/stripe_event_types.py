"""What becomes of Stripe's events that no handler acts on (issuing/handlers/stripe.py), by their type.

An event of a type that is not named here and carries an amount is money that nothing books, so a person is asked.
"""

from typing import Any

from issuing.inbox.unhandled_money import UnhandledMoneyError, carries_amount

# Another event, which is handled, reports the same amount.
COMPANIONS = (
    "charge.captured",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.succeeded",
    "charge.updated",
    "issuing_transaction.purchase_details_receipt_updated",
)
# Our own money between our own accounts. No purchase is touched.
OWN_ACCOUNTS = ("balance.", "balance_settings.", "reserve.", "transfer.")
# What did not arrive, or was taken back, needs a person all the same.
GONE_WRONG = ("transfer.reversed",)
# Offers and prices, which are no movement of money.
CATALOGUE = ("coupon.", "plan.", "price.", "product.", "promotion_code.", "quote.", "tax_rate.", "climate.product.")


def why_kept(kind: str, content: dict[str, Any]) -> str:
    """Returns why nothing is done about an event, in a sentence; raises UnhandledMoneyError where it moves money."""
    if kind in GONE_WRONG:
        raise UnhandledMoneyError("Money between our own accounts did not arrive, or was taken back.")
    if kind in COMPANIONS:
        return "Another event reports the same, and is handled."
    if kind.startswith(OWN_ACCOUNTS):
        return "Money moves between our own accounts; no purchase is touched."
    if carries_amount(content) and not kind.startswith(CATALOGUE):
        raise UnhandledMoneyError("Nothing here books events of this type.")
    return "Nothing is done about events of this kind yet."
