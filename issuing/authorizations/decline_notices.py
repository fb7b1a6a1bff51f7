"""Tells a person that the card's issuer declined a purchase by itself, which no decision of ours says."""

from issuing.authorizations import issuer_reasons
from issuing.models import Authorization
from onecard.kit import display
from onecard.notices import services as notices
from onecard.notices.kinds import Kind


def by_issuer(authorization: Authorization, amount_minor: int) -> None:
    """Writes the notice once for a purchase; for a card that we do not know there is nobody to tell."""
    card = authorization.card
    if card is None:
        return
    where = f" at {authorization.merchant_name}" if authorization.merchant_name else ""
    amount = display.money(amount_minor, authorization.currency) if amount_minor else "A purchase"
    notices.write(
        user_id=card.cardholder.user_id,
        kind=Kind.PURCHASE_DECLINED,
        cause=f"declined:{authorization.pk}",
        text=f"{amount}{where}. {issuer_reasons.sentence(authorization.issuer_reason)} Nothing is charged for it.",
        reference=f"purchase:{authorization.issuer_authorization_id}",
    )
