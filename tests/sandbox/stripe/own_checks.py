"""What Stripe checks before it asks anybody."""

from tests.sandbox.state import State
from tests.sandbox.stripe.controls import CEILING, forbidden_by
from tests.sandbox.wire import Json, utc_today


def own_refusal(state: State, authorization: Json, amount: int) -> str | None:
    """Name the reason why this much more is declined without asking; None when there is none."""
    card = state.objects["issuing.card"][authorization["card"]]
    cardholder = state.objects["issuing.cardholder"][card["cardholder"]]
    reason = _card_reason(card) or _cardholder_reason(cardholder)
    if reason:
        return reason
    over = authorization["amount"] + amount > CEILING
    if over or any(forbidden_by(state, owner, authorization, amount) for owner in (card, cardholder)):
        return "spending_controls"
    return "insufficient_funds" if amount > state.available_balance else None


def _card_reason(card: Json) -> str | None:
    if card["status"] != "active":
        return f"card_{card['status']}"
    today = utc_today()
    return "card_expired" if (card["exp_year"], card["exp_month"]) < (today.year, today.month) else None


def _cardholder_reason(cardholder: Json) -> str | None:
    if cardholder["status"] != "active":
        return f"cardholder_{cardholder['status']}"
    return "cardholder_verification_required" if cardholder["requirements"]["disabled_reason"] else None
