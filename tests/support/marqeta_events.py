"""Marqeta's messages as a test needs them: built as plain dicts, posted with genuine credentials to either door."""

import base64
import hashlib
import hmac
import json
import secrets
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.test import Client

from onecard.kit import exact_json

GATEWAY = "/api/webhooks/marqeta/jit"
WEBHOOK = "/api/webhooks/marqeta"
SIGNED = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}


def token() -> str:
    return secrets.token_hex(16)


def gateway_request(
    *,
    card: str,
    amount: Any = Decimal("45.00"),
    mcc: Any = "5812",
    currency: Any = "USD",
    method: Any = "pgfs.authorization",
    follows: str | None = None,
    order: str = "gpa_order",
    **changes: Any,
) -> dict[str, Any]:
    """A gateway request: a pending transaction without a response (docs/issuers/marqeta.md, Gateway requests)."""
    # All questions on a card name its one user.
    own, user = token(), hashlib.sha256(str(card).encode()).hexdigest()[:32]
    kind = "authorization.incremental" if follows else "authorization"
    jit = {"token": token(), "method": method, "user_token": user, "acting_user_token": user, "amount": amount}
    return {
        "type": kind,
        "state": "PENDING",
        "token": own,
        "user_token": user,
        "acting_user_token": user,
        "card_token": card,
        **({"preceding_related_transaction_token": follows} if follows else {}),
        "amount": amount,
        "request_amount": amount,
        "currency_code": currency,
        "network": "VISA",
        order: {
            "token": token(),
            "amount": amount,
            "currency_code": currency,
            "transaction_token": own,
            "state": "PENDING",
            "funding": {"amount": amount, "source": {"type": "programgateway", "token": "****"}},
            "jit_funding": jit,
        },
        "card_acceptor": {
            "mid": "1234567890",
            "mcc": mcc,
            "name": "Starbucks Coffee",
            "city": "Seattle",
            "state": "WA",
            "country_code": "USA",
        },
        "pos": {"card_presence": "CARDHOLDER_PRESENT", "partial_approval_capable": False},
        "network_reference_id": "501234567890123",
    } | changes


def increment(first: dict[str, Any], *, amount: Any = Decimal("5.00"), **changes: Any) -> dict[str, Any]:
    """A question for more money on the first one's purchase."""
    return gateway_request(
        card=first["card_token"],
        amount=amount,
        method="pgfs.authorization.incremental",
        follows=first["token"],
        **changes,
    )


def outcome(
    asked: dict[str, Any], *, state: str = "PENDING", timed_out: bool = False, **changes: Any
) -> dict[str, Any]:
    """The webhook's row about a question: what the network was told in the end."""
    order, jit = asked["gpa_order"], asked["gpa_order"]["jit_funding"]
    log = {"order_number": asked["token"], "transaction_id": jit["token"], "duration": 90, "timed_out": timed_out}
    code = "1016" if state in ("DECLINED", "ERROR") else "0000"
    funded = {**order, "state": state, "funding": {**order["funding"], "gateway_log": log}}
    return {
        **asked,
        "state": state,
        "response": {"code": code},
        "approval_code": "123456",
        "gpa_order": funded,
    } | changes


def later(
    asked: dict[str, Any],
    kind: str,
    *,
    amount: Any = None,
    state: str = "COMPLETION",
    method: str = "pgfs.authorization.capture",
    **changes: Any,
) -> dict[str, Any]:
    """A later message about a purchase: a clearing, a reversal, an expiry; it has a token of its own."""
    amount = asked["amount"] if amount is None else amount
    order = {"amount": amount, "currency_code": "USD", "state": state}
    return {
        **{name: asked[name] for name in ("user_token", "card_token", "currency_code", "card_acceptor", "network")},
        "type": kind,
        "state": state,
        "token": token(),
        "preceding_related_transaction_token": asked["token"],
        "amount": amount,
        "response": {"code": "0000"},
        "gpa_order": {**order, "jit_funding": {"token": token(), "method": method, "amount": amount}},
    } | changes


def standin(*, card: str, amount: Any = Decimal("45.00"), currency: str = "USD", **changes: Any) -> dict[str, Any]:
    """An approval of the card network, of which nobody asked us."""
    asked = gateway_request(card=card, amount=amount, method="pgfs.authorization.standin", currency=currency)
    return {
        **asked,
        "type": "authorization.standin",
        "response": {"code": "0000"},
        "standin_approved_by": "NETWORK",
    } | changes


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def ask(what: dict[str, Any] | str, *, authorization: str | None = None, **environ: Any) -> Any:
    """Posts a question, or a raw body, to the gateway with its credentials unless others are given.

    `environ` is what the server adds to the WSGI environment.
    """
    known = basic(settings.MARQETA_JIT_USERNAME, settings.MARQETA_JIT_PASSWORD)
    return _post(GATEWAY, what, {"Authorization": known if authorization is None else authorization}, **environ)


def report(
    what: dict[str, Any] | str, *, authorization: str | None = None, signature: str | None = None, by: str = "sha256"
) -> Any:
    """Posts an envelope, or a raw body, to the webhook, signed and with its credentials unless others are given."""
    known = basic(settings.MARQETA_WEBHOOK_USERNAME, settings.MARQETA_WEBHOOK_PASSWORD)
    signature = signed(body_of(what), by=by) if signature is None else signature
    headers = {"Authorization": known if authorization is None else authorization, "X-Marqeta-Signature": signature}
    return _post(WEBHOOK, what, headers)


def signed(body: str, *, secret: str | None = None, by: str = "sha256") -> str:
    """The hex HMAC of a body, by our own secret unless told otherwise."""
    key = (settings.MARQETA_WEBHOOK_SECRET if secret is None else secret).encode()
    return hmac.new(key, body.encode(), SIGNED[by]).hexdigest()


def echoed(asked: dict[str, Any]) -> dict[str, Any]:
    """What an answer to this question must bring back."""
    jit = asked["gpa_order"]["jit_funding"]
    return {name: jit[name] for name in ("token", "method", "user_token", "amount")}


def read(response: Any) -> dict[str, Any]:
    """The `jit_funding` of an answer, with exact decimals."""
    found: dict[str, Any] = exact_json.loads(response.content)["jit_funding"]
    return found


def body_of(what: dict[str, Any] | str) -> str:
    return what if isinstance(what, str) else exact_json.dumps(what)


def _post(url: str, what: dict[str, Any] | str, headers: dict[str, str], **environ: Any) -> Any:
    return Client(raise_request_exception=False).post(
        url, data=body_of(what).encode(), content_type="application/json", headers=headers, **environ
    )


def number(text: str) -> Any:
    """A number of JSON exactly as it is written."""
    return json.loads(text, parse_float=Decimal)
