"""Stripe's authorization request in its full size of some 5 kB, made quickly: only ids, card and amount differ."""

import json
from typing import Any

# Not in any text of the template.
_EVENT, _PURCHASE, _CARD, _AMOUNT = "@event@", "@purchase@", "@card@", 987654321


class Requests:
    """Makes bodies in one version of Stripe's API."""

    def __init__(self, api_version: str) -> None:
        self._parts = _parts(api_version)

    def body_for(self, *, card: str, amount: int, unique: str) -> bytes:
        """Returns the body of a request for a purchase that nobody has asked about; `amount` in minor units."""
        ids = (b"evt_" + unique.encode(), card.encode(), b"iauth_" + unique.encode(), b"%d" % amount, b"%d" % amount)
        return b"".join(part for pair in zip(self._parts, (*ids, b""), strict=True) for part in pair)


def _template(api_version: str) -> dict[str, Any]:
    address = {"city": "San Francisco", "country": "US", "line1": "123 Main Street", "line2": None, "state": "CA"}
    controls: dict[str, Any] = {
        "allowed_categories": [],
        "blocked_categories": [],
        "spending_limits": [],
        "spending_limits_currency": None,
    }
    holder: dict[str, Any] = {
        "id": "", "object": "issuing.cardholder", "billing": {"address": address | {"postal_code": "94111"}},
        "company": None, "created": 1735689600, "email": "person@example.com", "livemode": False, "metadata": {},
        "individual": {
            "card_issuing": {"user_terms_acceptance": {"date": 1735689600, "ip": "203.0.113.4", "user_agent": None}},
            "dob": {"day": 1, "month": 1, "year": 1990}, "first_name": "A", "last_name": "Person",
            "verification": {"document": {"back": None, "front": None}},
        },
        "name": "A Person", "phone_number": "+14155550100", "preferred_locales": [],
        "requirements": {"disabled_reason": None, "past_due": []}, "spending_controls": controls,
        "status": "active", "type": "individual",
    }  # fmt: skip
    eligible = {"eligible": True, "ineligible_reason": None}
    card = {
        "id": _CARD, "object": "issuing.card", "brand": "Visa", "cancellation_reason": None, "cardholder": holder,
        "created": 1735689600, "currency": "usd", "exp_month": 12, "exp_year": 2090, "last4": "0000", "livemode": False,
        "metadata": {}, "personalization_design": None, "replaced_by": None, "replacement_for": None,
        "replacement_reason": None, "shipping": None, "spending_controls": controls, "status": "active",
        "type": "virtual",
        "wallets": {"apple_pay": eligible, "google_pay": eligible, "primary_account_identifier": None},
    }  # fmt: skip
    details = {"atm_fee": None, "cashback_amount": 0}
    checks = dict.fromkeys(("address_line1_check", "address_postal_code_check", "cvc_check"), "not_provided")
    asked = {
        "id": _PURCHASE, "object": "issuing.authorization", "amount": 0, "amount_details": details, "approved": False,
        "authorization_method": "online", "balance_transactions": [], "card": card, "card_presence": "not_present",
        "cardholder": "", "created": 1764370000, "currency": "usd", "fleet": None, "fraud_challenges": None,
        "fuel": None, "livemode": False, "merchant_amount": 0, "merchant_currency": "usd",
        "merchant_data": {
            "category": "eating_places_restaurants", "category_code": "5812", "city": "San Francisco", "country": "US",
            "name": "The Corner Restaurant", "network_id": "244026512345678", "postal_code": "94103", "state": "CA",
            "tax_id": None, "terminal_id": "99999999", "url": None,
        },
        "metadata": {},
        "network_data": {
            "acquiring_institution_id": "012345678", "system_trace_audit_number": "123456",
            "transaction_id": "123456789012345",
        },
        "pending_request": {
            "amount": _AMOUNT, "amount_details": details, "currency": "usd", "is_amount_controllable": False,
            "merchant_amount": _AMOUNT, "merchant_currency": "usd", "network_risk_score": 12,
        },
        "redaction": None, "request_history": [], "status": "pending", "token": None, "token_details": None,
        "transactions": [], "treasury": None, "verified_by_fraud_challenge": None, "wallet": None,
        "verification_data": checks | {"authentication_exemption": None, "expiry_check": "match", "postal_code": None},
    }  # fmt: skip
    return {
        "id": _EVENT, "object": "event", "api_version": api_version, "created": 1764370000,
        "data": {"object": {"card": card} | asked | {"id": _PURCHASE}}, "livemode": False, "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None}, "type": "issuing_authorization.request",
    }  # fmt: skip


def _parts(api_version: str) -> tuple[bytes, ...]:
    """Cuts the written template at what differs, in the order in which `Requests.body_for` puts it in."""
    template = _template(api_version)
    written = json.dumps(template, indent=2)
    parts = []
    for mark in (_EVENT, _CARD, _PURCHASE, str(_AMOUNT), str(_AMOUNT)):
        before, written = written.split(mark, 1)
        parts.append(before.encode())
    return (*parts, written.encode())
