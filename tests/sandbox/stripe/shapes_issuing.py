"""The objects of the issuing side, with the fields that Stripe shows."""

import secrets

from tests.sandbox.wire import Json, new_id, unix_now, utc_today

_NO_AMOUNT_DETAILS = {"atm_fee": None, "cashback_amount": None}


def _base(kind: str, prefix: str) -> Json:
    return {"id": new_id(prefix), "object": kind, "created": unix_now(), "livemode": False, "metadata": {}}


def spending_controls() -> Json:
    """Make controls that forbid nothing."""
    lists = ("allowed_categories", "blocked_categories", "allowed_merchant_countries", "blocked_merchant_countries")
    presences = ("allowed_card_presences", "blocked_card_presences")
    return {**dict.fromkeys((*lists, *presences)), "spending_limits": [], "spending_limits_currency": None}


def cardholder(*, name: str, address: Json) -> Json:
    """Make an active individual without particulars."""
    nulls = dict.fromkeys(("company", "email", "individual", "phone_number", "preferred_locales"))
    return {
        **_base("issuing.cardholder", "ich"),
        **nulls,
        "billing": {"address": {"line2": None, "state": None, **address}},
        "name": name,
        "requirements": {"disabled_reason": None, "past_due": []},
        "spending_controls": spending_controls(),
        "status": "active",
        "type": "individual",
    }


def card(*, cardholder_id: str, currency: str, last4: str, exp_month: int, exp_year: int, kind: str) -> Json:
    """Make an inactive card; the number and the security code are kept elsewhere."""
    nulls = ("cancellation_reason", "latest_fraud_warning", "lifecycle_controls", "replaced_by", "replacement_for")
    wallet = {"eligible": True, "ineligible_reason": None}
    return {
        **_base("issuing.card", "ic"),
        **dict.fromkeys((*nulls, "replacement_reason", "personalization_design", "second_line", "shipping")),
        "brand": "Visa",
        "cardholder": cardholder_id,
        "currency": currency,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "financial_account": None,
        "last4": last4,
        "spending_controls": spending_controls(),
        "status": "inactive",
        "type": kind,
        "wallets": {"apple_pay": wallet, "google_pay": wallet, "primary_account_identifier": None},
    }


def authorization(*, card: Json, merchant_currency: str, merchant: Json) -> Json:
    """Make an authorization that nobody has decided yet: nothing held, nothing approved."""
    nulls = ("fleet", "fraud_challenges", "fuel", "pending_request", "token", "wallet")
    return {
        **_base("issuing.authorization", "iauth"),
        **dict.fromkeys(nulls),
        "amount": 0,
        "amount_details": dict(_NO_AMOUNT_DETAILS),
        "approved": False,
        "authorization_method": "online",
        "balance_transactions": [],
        "card": card["id"],
        "card_presence": "not_present",
        "cardholder": card["cardholder"],
        "currency": card["currency"],
        "merchant_amount": 0,
        "merchant_currency": merchant_currency,
        "merchant_data": merchant,
        "network_data": {
            "acquiring_institution_id": None,
            "system_trace_audit_number": f"{secrets.randbelow(10**6):06d}",
            "transaction_id": f"{secrets.randbelow(10**15):015d}",
        },
        "request_history": [],
        "status": "pending",
        "transactions": [],
        "verification_data": _verification(),
        "verified_by_fraud_challenge": None,
    }


def _verification() -> Json:
    checks = dict.fromkeys(("address_line1_check", "address_postal_code_check", "cvc_check"), "not_provided")
    nulls = dict.fromkeys(("authentication_exemption", "postal_code", "three_d_secure"))
    return {**checks, **nulls, "expiry_check": "match"}


def pending_request(
    *, authorization: Json, amount: int, merchant_amount: int, controllable: bool, details: Json | None = None
) -> Json:
    """Make the question of one round: how much more is wanted now, in the card's and the merchant's currency."""
    return {
        "amount": amount,
        "amount_details": {**_NO_AMOUNT_DETAILS, **(details or {})},
        "currency": authorization["currency"],
        "is_amount_controllable": controllable,
        "merchant_amount": merchant_amount,
        "merchant_currency": authorization["merchant_currency"],
        "network_risk_score": None,
    }


def past_request(
    pending: Json, *, amount: int, approved: bool, reason: str, reason_message: str | None, requested_at: int
) -> Json:
    """Make the record of one decided round."""
    copied = ("amount_details", "currency", "merchant_amount", "merchant_currency", "network_risk_score")
    return {
        **{name: pending[name] for name in copied},
        "amount": amount,
        "approved": approved,
        "authorization_code": f"S{secrets.randbelow(10**6):06d}",
        "created": unix_now(),
        "reason": reason,
        "reason_message": reason_message,
        "requested_at": requested_at,
    }


def transaction(
    *,
    kind: str,
    card: Json,
    amount: int,
    merchant: Json,
    merchant_amount: int | None = None,
    merchant_currency: str = "",
) -> Json:
    """Make a posting: a capture is negative and a refund positive, in the card's currency."""
    sign = -1 if kind == "capture" else 1
    in_merchant_currency = amount if merchant_amount is None else merchant_amount
    return {
        **_base("issuing.transaction", "ipi"),
        **dict.fromkeys(("authorization", "dispute", "token", "wallet")),
        "amount": sign * amount,
        "amount_details": dict(_NO_AMOUNT_DETAILS),
        "balance_transaction": new_id("txn"),
        "card": card["id"],
        "cardholder": card["cardholder"],
        "currency": card["currency"],
        "merchant_amount": sign * in_merchant_currency,
        "merchant_currency": merchant_currency or card["currency"],
        "merchant_data": dict(merchant),
        "network_data": _network_data(),
        "type": kind,
    }


def _network_data() -> Json:
    today = utc_today().isoformat()
    code, number = f"S{secrets.randbelow(10**6):06d}", f"{secrets.randbelow(10**15):015d}"
    return {"authorization_code": code, "processing_date": today, "transaction_id": number}


def hold_entry(*, amount: int, currency: str) -> Json:
    """Make a balance transaction of a hold (negative) or of its release (positive)."""
    word = "hold" if amount < 0 else "release"
    money = {"amount": amount, "net": amount, "currency": currency, "fee": 0, "fee_details": []}
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        **money,
        "created": unix_now(),
        "status": "available",
        "type": f"issuing_authorization_{word}",
    }
