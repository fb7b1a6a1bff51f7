"""What Marqeta says of how a purchase is made (docs/controls.md, Where attributes come from); reading never fails.

The keys are those of Marqeta's transaction model; its words are an open list, and one that we do not know counts as not
said. A part is never approved: that Marqeta takes an answer with a smaller amount is unverified.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from issuing.issuers.messages import Signals

# By a part of the word, the first that fits: CHIP_CONTACTLESS, MAG_STRIPE_CONTACTLESS, ICC, E_COMMERCE, KEY_ENTERED.
ENTRY_MODES: Final = (
    ("CONTACTLESS", "contactless"),
    ("CHIP", "chip"),
    ("ICC", "chip"),
    ("STRIPE", "swipe"),
    ("COMMERCE", "online"),
    ("ON_FILE", "online"),
    ("KEY", "keyed"),
    ("MANUAL", "keyed"),
)
WALLETS: Final = (
    ("APPLE", "apple_pay"),
    ("GOOGLE", "google_pay"),
    ("ANDROID", "google_pay"),
    ("SAMSUNG", "samsung_pay"),
)
SECURE: Final = (
    ("NOT_", "failed"),
    ("FAIL", "failed"),
    ("ATTEMPT", "attempted"),
    ("SUCCESS", "authenticated"),
    ("VERIFIED", "authenticated"),
    ("AUTHENTICATED", "authenticated"),
)
MATCH: Final = "0000"


def of_marqeta(content: Mapping[str, Any], jit: Mapping[str, Any]) -> Signals:
    """Returns the signals of a gateway request."""
    pos, fraud = _object(content, "pos"), _object(content, "fraud")
    code = _object(content, "card_security_code_verification")
    secure = _object(content, "cardholder_authentication_data")
    return Signals(
        entry_mode=_by_part(ENTRY_MODES, pos.get("pan_entry_mode")),
        channel=_channel(pos.get("card_presence")),
        cvc=_check(_object(code, "response")),
        address=_check(_object(_object(_object(jit, "address_verification"), "issuer"), "response")),
        three_d_secure=_by_part(SECURE, secure.get("verification_result")),
        wallet=_wallet(content),
        network_risk=_score(_object(fraud, "network")),
        issuer_risk=_score(_object(fraud, "issuer_processor")),
    )


def _object(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, Mapping) else {}


def _by_part(words: tuple[tuple[str, str], ...], value: object) -> str | None:
    said = value.upper() if isinstance(value, str) else ""
    return next((ours for part, ours in words if part in said), None)


def _channel(value: object) -> str | None:
    if isinstance(value, bool):
        return "present" if value else "not_present"
    said = value.upper() if isinstance(value, str) else ""
    if not said:
        return None
    return "not_present" if "NOT" in said or said in ("0", "FALSE") else "present"


def _check(response: Mapping[str, Any]) -> str | None:
    """Returns match for the code 0000, not_provided where the memo says so, and mismatch for every other code."""
    code, memo = response.get("code"), str(response.get("memo", "")).lower()
    if not isinstance(code, str) or not code:
        return None
    if code == MATCH:
        return "match"
    return "not_provided" if "not present" in memo or "not provided" in memo else "mismatch"


def _wallet(content: Mapping[str, Any]) -> str | None:
    token = content.get("digital_wallet_token")
    if not isinstance(token, Mapping) or not token:
        return None
    provider = _object(token, "token_service_provider")
    return _by_part(WALLETS, provider.get("token_requestor_name")) or "other"


def _score(found: Mapping[str, Any]) -> int | None:
    value = next((found[name] for name in ("transaction_risk_score", "fraud_score", "score") if name in found), None)
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value[:4])
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return int(value) if 0 <= value <= 999 else None
