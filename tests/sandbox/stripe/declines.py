"""Declines of a funding card: their words, their codes and Stripe's advice."""

from tests.sandbox.wire import Json

# Decline codes that are also the error code; every other one comes as card_declined.
_OWN_ERROR_CODE = {"authentication_required", "expired_card", "incorrect_cvc", "incorrect_number", "processing_error"}
_NEVER_AGAIN = {"lost_card", "stolen_card", "pickup_card", "restricted_card", "fraudulent", "invalid_account"}
_LATER = {"insufficient_funds", "processing_error", "try_again_later", "issuer_not_available", "reenter_transaction"}
_CONFIRM = {"expired_card", "incorrect_cvc", "incorrect_number"}
_MESSAGES = {
    "authentication_required": "This card asks its holder to authenticate.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "insufficient_funds": "Your card has insufficient funds.",
    "processing_error": "An error occurred while processing your card.",
}


def decline_error(decline_code: str) -> Json:
    """Describe a decline as it stands in `last_payment_error` and in the error body."""
    own = decline_code in _OWN_ERROR_CODE
    error: Json = {
        "type": "card_error",
        "code": decline_code if own else "card_declined",
        "decline_code": decline_code,
        "message": _MESSAGES.get(decline_code, "Your card was declined."),
    }
    advice = advice_code(decline_code)
    return {**error, "advice_code": advice} if advice else error


def advice_code(decline_code: str) -> str | None:
    """Say what the network recommends after a decline, where it recommends anything."""
    if decline_code in _NEVER_AGAIN:
        return "do_not_try_again"
    if decline_code in _CONFIRM:
        return "confirm_card_data"
    return "try_again_later" if decline_code in _LATER else None
