"""Stripe's events as a test needs them: built as plain dicts, signed like the real ones, posted to the webhook."""

import itertools
import json
import secrets
import time
from typing import Any

import stripe
from django.conf import settings
from django.test import Client

URL = "/stripe-webhook"
_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    return f"{prefix}_{next(_numbers)}_{secrets.token_hex(4)}"


def authorization_request(
    *,
    card: str,
    amount: Any = 4500,
    mcc: Any = "5812",
    currency: Any = "usd",
    authorization: str | None = None,
    history: list[dict[str, Any]] | None = None,
    approved_before: int = 0,
    **changes: Any,
) -> dict[str, Any]:
    """An `issuing_authorization.request` in the shape of Stripe's documentation: the money is in pending_request."""
    content = {
        "id": authorization or unique("iauth"),
        "object": "issuing.authorization",
        "amount": approved_before,
        "approved": bool(approved_before),
        "status": "pending",
        "currency": currency,
        "authorization_method": "contactless",
        "card": {"id": card, "object": "issuing.card", "last4": "0005"},
        "merchant_data": {
            "category": "eating_places_restaurants",
            "category_code": mcc,
            "name": "Starbucks Coffee",
            "network_id": "1234567890",
            "city": "Seattle",
            "country": "US",
            "state": "WA",
            "postal_code": None,
        },
        "pending_request": {"amount": amount, "currency": currency, "is_amount_controllable": False},
        "request_history": history or [],
        "metadata": {},
    }
    return event("issuing_authorization.request", content | changes)


def authorization_update(request: dict[str, Any], *, kind: str = "created", **changes: Any) -> dict[str, Any]:
    """What Stripe says after the answer: approved and held, unless `changes` say otherwise."""
    asked = request["data"]["object"]
    content = {
        **asked,
        "amount": asked["pending_request"]["amount"],
        "approved": True,
        "pending_request": None,
        "request_history": [
            {"approved": True, "reason": "webhook_approved", "authorization_code": "S604418", "amount": 4500}
        ],
    }
    return event(f"issuing_authorization.{kind}", content | changes)


def event(kind: str, content: Any, **changes: Any) -> dict[str, Any]:
    return {
        "id": unique("evt"),
        "object": "event",
        "api_version": "2024-06-20",
        "created": int(time.time()),
        "livemode": False,
        "type": kind,
        "data": {"object": content},
    } | changes


def signed(body: str, *, secret: str | None = None, timestamp: int | None = None) -> str:
    """The Stripe-Signature header for a body, by the first of our own secrets unless told otherwise."""
    # Signatures are in whole seconds: one of now may look a second old at once, and a short stall would decline it.
    moment = int(time.time()) + 1 if timestamp is None else timestamp
    header: str = stripe.WebhookSignature.generate_signature_header(
        body, secret or settings.STRIPE_WEBHOOK_SECRETS[0], moment
    )
    return header


def post(what: dict[str, Any] | str, *, url: str = URL, header: str | None = None) -> Any:
    """Posts an event, or a raw body, with a genuine signature unless `header` is given."""
    body = what if isinstance(what, str) else json.dumps(what)
    signature = signed(body) if header is None else header
    return Client(raise_request_exception=False).post(
        url, data=body.encode(), content_type="application/json", headers={"Stripe-Signature": signature}
    )
