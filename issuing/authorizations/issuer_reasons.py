"""Why an issuer declined a purchase by itself: its word, as a sentence for the person who stood at the till.

The words are Stripe's (docs/issuers/stripe.md, Real-time authorizations); the list is open.
"""

from typing import Any, Final

from issuing import states
from issuing.issuers.messages import AuthorizationUpdate
from issuing.models import Authorization, VirtualCard

# Before a response code of Marqeta's (issuing/issuers/marqeta/decline_words.py).
CODE: Final = "response_"
ANY: Final = (
    "The card's issuer declined it and did not ask us. It does so when the card is frozen or a limit is used up: look "
    "at both."
)
_STOPPED: Final = "The card's issuer has stopped this card. Our support can tell you more."
_IDENTITY: Final = "The card's issuer needs more to verify your identity. Look at your profile, or ask our support."
_TRY_AGAIN: Final = "The card's issuer could not decide on it in time. Your card is fine: try again."
SENTENCES: Final[dict[str, str]] = {
    "spending_controls": (
        "One of your card's limits was used up at the card's issuer, which declined it without asking us. Its days and "
        "months begin at midnight UTC."
    ),
    "card_inactive": "Your card was frozen or not active yet. Unfreeze or activate it, then try again.",
    "card_canceled": "This card is closed. Use your new card.",
    "card_expired": "This card has expired. Ask for a new one.",
    "cardholder_inactive": _STOPPED,
    "cardholder_blocked": _STOPPED,
    "account_disabled": _STOPPED,
    "cardholder_verification_required": _IDENTITY,
    "insufficient_funds": "The card's issuer could not cover it at that moment. Your card is fine: try again later.",
    "insecure_authorization_method": "The merchant read the card in a way that is not safe: ask them for another way.",
    "verification_failed": "The expiry date, the security code or the address did not match the card: check them.",
    "pin_blocked": "The PIN was entered wrongly too often. Our support can help.",
    "not_allowed": "This card cannot be used for such a purchase.",
    "suspected_fraud": "The card's issuer suspected that it was not you. Our support can help.",
    "network_fallback": _TRY_AGAIN,
    "stripe_internal_error": _TRY_AGAIN,
    "webhook_error": _TRY_AGAIN,
    "webhook_timeout": _TRY_AGAIN,
}


def sentence(reason: str) -> str:
    """Returns the sentence of an issuer's reason; a general one for a reason that is missing or new."""
    return SENTENCES.get(reason, ANY)


def columns(update: AuthorizationUpdate, card_id: int | None) -> dict[str, Any]:
    """Returns what the row of a purchase keeps of its issuer's own decline; none of it counts anywhere.

    Where the issuer says no reason or only a code, as Marqeta, and the card is not active, that is the reason: no
    issuer asks us then.
    """
    return {"declined_minor": update.declined_minor or update.amount_minor, **_words(update, card_id)}


def keep(update: AuthorizationUpdate, purchase: Authorization) -> None:
    """Keeps why the issuer declined what we had approved, in the row and in the object."""
    words = _words(update, purchase.card_id)
    Authorization.objects.filter(pk=purchase.pk).update(**words)
    for name, value in words.items():
        setattr(purchase, name, value)


def _words(update: AuthorizationUpdate, card_id: int | None) -> dict[str, str]:
    """Returns the issuer's reason and sentence. The state of the card says more than a code of the network."""
    reason, is_code = update.declined_because, update.declined_because.startswith(CODE)
    if not reason or is_code:
        reason = _by_state(card_id) or reason
    return {"issuer_reason": reason, "issuer_message": update.declined_message}


def _by_state(card_id: int | None) -> str:
    state = VirtualCard.objects.filter(pk__in=[card_id] if card_id else []).values_list("status", flat=True).first()
    if state == states.Card.CLOSED:
        return "card_canceled"
    return "" if state in (None, states.Card.ACTIVE) else "card_inactive"
