"""What Stripe says of how a purchase is made (docs/controls.md, Where attributes come from); reading never fails.

Words that we do not know count as not said: none of them is needed to decide.
"""

from collections.abc import Mapping
from typing import Any, Final

from issuing.issuers.messages import Signals
from onecard.kit.currency_units import from_stripe
from onecard.kit.money import MoneyError

ENTRY_MODES: Final = {
    "chip": "chip",
    "contactless": "contactless",
    "swipe": "swipe",
    "keyed_in": "keyed",
    "online": "online",
}
CHANNELS: Final = {"present": "present", "not_present": "not_present"}
CHECKS: Final = ("mismatch", "match", "not_provided")
THREE_D_SECURE: Final = {
    "authenticated": "authenticated",
    "attempt_acknowledged": "attempted",
    "failed": "failed",
    "required": "required",
}
WALLETS: Final = ("apple_pay", "google_pay", "samsung_pay")


def of_stripe(content: Mapping[str, Any], pending: Mapping[str, Any], currency: str) -> Signals:
    """Returns the signals of an authorization with its pending request."""
    checks = content.get("verification_data")
    checks = checks if isinstance(checks, dict) else {}
    secure = checks.get("three_d_secure")
    method, wallet, risk = content.get("authorization_method"), content.get("wallet"), pending.get("network_risk_score")
    return Signals(
        entry_mode=_word(ENTRY_MODES, method),
        channel=_word(CHANNELS, content.get("card_presence")) or ("not_present" if method == "online" else None),
        cvc=_check(checks.get("cvc_check")),
        expiry=_check(checks.get("expiry_check")),
        address=_check(checks.get("address_postal_code_check"), checks.get("address_line1_check")),
        three_d_secure=_word(THREE_D_SECURE, secure.get("result") if isinstance(secure, dict) else None),
        wallet=wallet if wallet in WALLETS else ("other" if wallet else None),
        network_risk=risk if type(risk) is int else None,
        is_amount_controllable=_is_controllable(pending, currency),
    )


def _word(words: Mapping[str, str], value: object) -> str | None:
    return words.get(value) if isinstance(value, str) else None


def _check(*results: object) -> str | None:
    """Returns the worst of the results: one mismatch is a mismatch."""
    return next((each for each in CHECKS if each in results), None)


def _is_controllable(pending: Mapping[str, Any], currency: str) -> bool:
    """Returns whether a part may be approved: never less than the cash in it, so not where there is any.

    The committing statement writes the part in our units, so Stripe's smallest unit has to be the same.
    """
    details = pending.get("amount_details")
    has_cash = isinstance(details, dict) and bool(details.get("cashback_amount"))
    try:
        return pending.get("is_amount_controllable") is True and not has_cash and from_stripe(1, currency).minor == 1
    except MoneyError:
        return False
