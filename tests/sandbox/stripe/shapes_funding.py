"""The objects of the funding side, with the fields that Stripe shows."""

from decimal import Decimal

from tests.sandbox.stripe.declines import advice_code
from tests.sandbox.wire import Json, new_id, unix_now

# Two days, until what came in can be paid out.
_AVAILABLE_AFTER_S = 2 * 86_400
_TOP_UP_TAKES_S = 5 * 86_400
_AVAILABLE_LATER = ("charge", "refund", "adjustment")

_NULLS_OF_INTENT = (
    "application",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "last_payment_error",
    "latest_charge",
    "next_action",
    "on_behalf_of",
    "processing",
    "review",
)
# What a caller may set and the sandbox only hands back.
ECHOED_OF_INTENT = (
    "customer",
    "description",
    "payment_method",
    "payment_method_options",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)


def _base(kind: str, prefix: str) -> Json:
    return {"id": new_id(prefix), "object": kind, "created": unix_now(), "livemode": False, "metadata": {}}


def customer() -> Json:
    """Make a customer without anything."""
    nulls = dict.fromkeys(("address", "description", "email", "name", "phone", "shipping"))
    return {**_base("customer", "cus"), **nulls, "balance": 0, "currency": None, "delinquent": False}


def payment_method(*, brand: str, last4: str, exp_month: int, exp_year: int, fingerprint: str) -> Json:
    """Make a card as payment method, not attached yet."""
    return {
        **_base("payment_method", "pm"),
        "allow_redisplay": "unspecified",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None},
        "card": {
            "brand": brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "display_brand": brand,
            "exp_month": exp_month,
            "exp_year": exp_year,
            "fingerprint": fingerprint,
            "funding": "credit",
            "last4": last4,
            "networks": {"available": [brand], "preferred": None},
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "customer": None,
        "type": "card",
    }


def setup_intent(*, usage: str) -> Json:
    """Make a setup intent that no card was given to."""
    base = _base("setup_intent", "seti")
    nulls = ("application", "cancellation_reason", "customer", "description", "last_setup_error", "latest_attempt")
    return {
        **base,
        **dict.fromkeys((*nulls, "mandate", "next_action", "on_behalf_of", "payment_method", "single_use_mandate")),
        "client_secret": new_id(f"{base['id']}_secret"),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        "usage": usage,
    }


def checkout_session(*, setup_intent: Json, success_url: str, address: str) -> Json:
    """Make an open page for saving a card, for a day."""
    base = _base("checkout.session", "cs_test")
    return {
        **base,
        "cancel_url": None,
        "customer": setup_intent["customer"],
        "expires_at": base["created"] + 86_400,
        "mode": "setup",
        "payment_intent": None,
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required",
        "setup_intent": setup_intent["id"],
        "status": "open",
        "success_url": success_url,
        "url": f"{address}/checkout/pay/{base['id']}",
    }


def payment_intent(*, amount: int, currency: str) -> Json:
    """Make a payment intent that nothing has happened to."""
    base = _base("payment_intent", "pi")
    return {
        **base,
        **dict.fromkeys((*_NULLS_OF_INTENT, *ECHOED_OF_INTENT)),
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": new_id(f"{base['id']}_secret"),
        "confirmation_method": "automatic",
        "currency": currency,
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def charge(*, intent: Json, method: Json) -> Json:
    """Make the charge of one attempt to pay, its outcome still open."""
    copied = ("amount", "currency", "customer", "description", "statement_descriptor")
    card = {
        name: method["card"][name] for name in ("brand", "country", "exp_month", "exp_year", "fingerprint", "last4")
    }
    return {
        **_base("charge", "ch"),
        **{name: intent[name] for name in copied},
        "amount_captured": 0,
        "amount_refunded": 0,
        "balance_transaction": None,
        "captured": False,
        "disputed": False,
        "failure_code": None,
        "failure_message": None,
        "metadata": dict(intent["metadata"]),
        "outcome": {"network_status": "approved_by_network", "reason": None, "type": "authorized"},
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": {**card, "network": card["brand"], "wallet": None}, "type": "card"},
        "refunded": False,
        "status": "succeeded",
    }


def failed_charge(*, intent: Json, method: Json, error: Json) -> Json:
    """Make the charge of an attempt that the card's issuer declined."""
    code = error["decline_code"]
    outcome = {"network_status": "declined_by_network", "reason": code, "type": "issuer_declined"}
    return {
        **charge(intent=intent, method=method),
        "failure_code": error["code"],
        "failure_message": error["message"],
        "outcome": {**outcome, "advice_code": advice_code(code)},
        "paid": False,
        "status": "failed",
    }


def refund(*, charge: Json, amount: int, reason: str | None) -> Json:
    """Make a refund that has succeeded."""
    return {
        **_base("refund", "re"),
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "currency": charge["currency"],
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "succeeded",
    }


def topup(*, amount: int, currency: str, destination_balance: str | None) -> Json:
    """Make a pending top-up."""
    base = _base("topup", "tu")
    nulls = ("balance_transaction", "description", "failure_code", "failure_message", "source")
    return {
        **base,
        **dict.fromkeys((*nulls, "statement_descriptor", "transfer_group")),
        "amount": amount,
        "currency": currency,
        "destination_balance": destination_balance,
        "expected_availability_date": base["created"] + _TOP_UP_TAKES_S,
        "status": "pending",
    }


def balance_transaction(
    *,
    amount: int,
    currency: str,
    kind: str,
    category: str,
    fee: int = 0,
    source: str | None = None,
    exchange_rate: Decimal | None = None,
    balance: str = "payments",
    name: str = "",
) -> Json:
    """Make a balance transaction with what cannot be derived; `shown_balance_transaction` adds the rest.

    There is one for each charge and refund, so it is kept small.
    """
    return {
        "id": name or new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "balance_type": balance,
        "created": unix_now(),
        "currency": currency,
        "exchange_rate": exchange_rate,
        "fee": fee,
        "reporting_category": category,
        "source": source,
        "type": kind,
    }


def shown_balance_transaction(stored: Json) -> Json:
    """Show a balance transaction whole, as it stands now."""
    fee, available_on = stored["fee"], stored["created"]
    if stored["type"] in _AVAILABLE_LATER:
        available_on += _AVAILABLE_AFTER_S
    detail = {"application": None, "currency": stored["currency"], "description": "Processing fee"}
    return {
        **stored,
        "available_on": available_on,
        "description": None,
        "fee_details": [{**detail, "amount": fee, "type": "stripe_fee"}] if fee else [],
        "net": stored["amount"] - fee,
        "status": "available" if available_on <= unix_now() else "pending",
    }
