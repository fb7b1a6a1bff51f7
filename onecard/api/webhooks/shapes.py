"""What an event is about, in the form in which the API shows it to the person whose event it is."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.db.models import Model, QuerySet

from issuing.activity import disputes, purchases
from onecard.api.activity.purchases import render as render_purchase
from onecard.api.cards.shown import render as render_card
from onecard.api.disputes.requests import detail as render_dispute
from onecard.api.onboarding.kyc import render as render_kyc
from wallet.models import Cardholder

M = TypeVar("M", bound=Model)
Shape = dict[str, Any] | None
# Reasons and what is asked for are between the person and us; who follows events has no need of them.
OF_KYC: Final = ("status", "sentence", "may_submit", "verified_until")


def purchase(user_id: int, key: str) -> Shape:
    """Returns a purchase as GET /api/v1/purchases lists it; None for one that is not the person's."""
    holder = _holder(user_id)
    rows = purchases.of_cardholder(holder).filter(issuer_authorization_id=key) if holder else None
    return _one(rows, lambda row: render_purchase(purchases.views([row])[0], holder.time_zone if holder else "UTC"))


def card(user_id: int, key: str) -> Shape:
    """Returns a virtual card as GET /api/v1/cards lists it."""
    holder = _holder(user_id)
    mine = holder.virtual_cards.select_related("cardholder", "replaces") if holder else None
    return _one(mine.filter(public_id=key) if mine is not None else None, render_card)


def dispute(user_id: int, key: str) -> Shape:
    """Returns a dispute as GET /api/v1/disputes/<id> shows it."""
    holder = _holder(user_id)
    return _one(disputes.of_cardholder(holder).filter(public_id=key) if holder else None, render_dispute)


def kyc(user_id: int, key: str) -> Shape:
    """Returns where the identity check stands, as GET /api/v1/kyc shows it, without reasons and history."""
    holder = _holder(user_id)
    if holder is None or key != "kyc":
        return None
    shown = render_kyc(holder)
    return {name: shown[name] for name in OF_KYC}


# By the kind of the notice's reference: the name in an event's `data`, and what stands there.
SHAPES: Final[dict[str, tuple[str, Callable[[int, str], Shape]]]] = {
    "purchase": ("purchase", purchase),
    "card": ("card", card),
    "dispute": ("dispute", dispute),
    "profile": ("kyc", kyc),
}


def _holder(user_id: int) -> Cardholder | None:
    return Cardholder.objects.select_related("user").filter(user=user_id).first()


def _one(rows: "QuerySet[M] | None", render: Callable[[M], dict[str, Any]]) -> Shape:
    row = rows.first() if rows is not None else None
    return render(row) if row is not None else None
