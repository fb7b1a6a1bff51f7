"""A virtual card as the API shows it: masked, with its state, who may change that, and its balance."""

from typing import Any, Final

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from issuing import states
from issuing.cards import holder_rights
from issuing.models import CardChange, VirtualCard
from onecard.api.access import cardholder_of, own
from onecard.api.etags import tagged
from onecard.api.fields import MoneySerializer, money

STATUS_TEXT: Final[dict[str, str]] = {
    states.Card.PENDING: "Ready: activate it to buy with it.",
    states.Card.ACTIVE: "It can be used.",
    states.Card.FROZEN: "You froze this card: purchases are declined until you unfreeze it.",
    states.Card.CLOSED: "This card is closed for good. What was on it goes to your next card.",
}
NOT_MADE: Final = "The issuer is making this card."
ACTIONS: Final = ("activate", "freeze", "unfreeze", "replace", "close")


class CardSerializer(serializers.Serializer[Any]):
    """A virtual card; the whole number is shown by the issuer's own form (reveal-token)."""

    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=["virtual"])
    network = serializers.ChoiceField(
        VirtualCard.CardType.choices, help_text="As its issuer made it; until then, as it was asked for."
    )
    last_four = serializers.CharField(help_text="Empty until its issuer made it.")
    expiry_month = serializers.IntegerField(allow_null=True)
    expiry_year = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField()
    status = serializers.ChoiceField(states.Card.choices)
    status_text = serializers.CharField(help_text="What the status means, and who can change it.")
    is_made = serializers.BooleanField(help_text="false until its issuer made it; ask again in a moment.")
    waiting_for = serializers.ChoiceField(
        CardChange.Kind.choices, allow_null=True, help_text="What its issuer has not carried out yet."
    )
    frozen_by = serializers.ChoiceField(
        states.Stopper.choices, allow_null=True, help_text="Who stopped it; only holder can be undone by its holder."
    )
    allowed_actions = serializers.ListField(child=serializers.ChoiceField(ACTIONS), help_text="What may be asked now.")
    kyc_verified = serializers.BooleanField(help_text="Without it, purchases are declined.")
    balance = MoneySerializer()
    spends_balance = serializers.BooleanField(help_text="The balance pays first; funding cards pay the rest.")
    replaces = serializers.UUIDField(allow_null=True, help_text="The card that it took the place of.")
    replacement_reason = serializers.ChoiceField(states.Replacement.choices, allow_null=True)
    created_at = serializers.DateTimeField()


SHOWN: Final[dict[str, Any]] = {
    "id": "9a0c5a52-7a38-4c55-8a51-6f4d2e3b1c00",
    "type": "virtual",
    "network": "visa",
    "last_four": "4242",
    "expiry_month": 12,
    "expiry_year": 2030,
    "currency": "USD",
    "status": "active",
    "status_text": "It can be used.",
    "is_made": True,
    "waiting_for": None,
    "frozen_by": None,
    "allowed_actions": ["freeze", "replace", "close"],
    "kyc_verified": True,
    "balance": {"amount_minor": 0, "currency": "USD"},
    "spends_balance": False,
    "replaces": None,
    "replacement_reason": None,
    "created_at": "2026-11-28T12:00:00Z",
}
ONE = OpenApiExample("An active card", value=SHOWN, response_only=True)


def render(card: VirtualCard) -> dict[str, Any]:
    """Returns a card in the form of CardSerializer."""
    same = (
        "last_four", "expiry_month", "expiry_year", "currency", "status", "spends_balance", "created_at",
    )  # fmt: skip
    values = {
        **{name: getattr(card, name) for name in same},
        "id": card.public_id,
        "type": "virtual",
        "network": card.card_type,
        "status_text": _status_text(card),
        "is_made": bool(card.issuer_card_id),
        "waiting_for": holder_rights.under_way(card) or None,
        "frozen_by": holder_rights.stopped_by(card) or None,
        "allowed_actions": holder_rights.actions(card),
        "kyc_verified": card.cardholder.kyc_verified,
        "replaces": card.replaces.public_id if card.replaces else None,
        "replacement_reason": card.replacement_reason or None,
    }
    shown = dict(CardSerializer(values | {"balance": None}).data)
    return shown | {"balance": money(card.balance_minor, card.currency)}


def show(card: VirtualCard, *, status: int = 200) -> Response:
    """Returns a card with its ETag, as it is now."""
    fresh = VirtualCard.objects.select_related("cardholder", "replaces").get(pk=card.pk)
    return tagged(Response(render(fresh), status=status), fresh.version)


def own_cards(request: Request) -> QuerySet[VirtualCard]:
    """Returns the person's cards, with what is shown of them."""
    return cardholder_of(request).virtual_cards.select_related("cardholder", "replaces")


def own_card(request: Request, public_id: Any) -> VirtualCard:
    """Returns one of the person's cards; a foreign one is not found."""
    return own(own_cards(request), public_id=public_id)


def _status_text(card: VirtualCard) -> str:
    why_not = holder_rights.why_not_undo(card)
    if why_not:
        return why_not
    if card.status == states.Card.PENDING and not card.issuer_card_id:
        return NOT_MADE
    return STATUS_TEXT.get(card.status, "")
