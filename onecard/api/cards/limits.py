"""The limits of a card: what is spent and left of each, when it renews, and how high its holder may set it."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.cards import own_limits
from issuing.limits import cardholder_limits
from issuing.models import SpendWindow, VirtualCard
from onecard.api.access import actor_of
from onecard.api.cards.shown import own_card
from onecard.api.etags import check_unchanged, tagged, version_of
from onecard.api.fields import MoneySerializer, money
from onecard.api.view import ApiView
from onecard.kit.money import MAX_AMOUNT_MINOR

KINDS = {
    "daily": (SpendWindow.Kind.DAY, "daily_minor"),
    "monthly": (SpendWindow.Kind.MONTH, "monthly_minor"),
}


class PurchaseLimit(serializers.Serializer[Any]):
    limit = MoneySerializer()
    ceiling = MoneySerializer(help_text="The highest that its holder may set.")


class WindowLimit(PurchaseLimit):
    spent = MoneySerializer(help_text="Approved purchases count at once.")
    left = MoneySerializer()
    renews_at = serializers.DateTimeField(help_text="Midnight in the holder's time zone.")


class LimitsSerializer(serializers.Serializer[Any]):
    per_transaction = PurchaseLimit()
    daily = WindowLimit()
    monthly = WindowLimit()
    available = MoneySerializer(help_text="The largest purchase that all three allow now.")
    time_zone = serializers.CharField()


def _amount() -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_AMOUNT_MINOR, help_text="In minor units of the card's currency."
    )


class NewLimits(serializers.Serializer[Any]):
    """What to change; what is left out stays. One purchase can be no more than a day, nor a day than a month."""

    per_transaction_minor = _amount()
    daily_minor = _amount()
    monthly_minor = _amount()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError("Name at least one limit.")
        return attrs


def _usd(minor: int) -> dict[str, Any]:
    return money(minor, "USD")


EXAMPLE = OpenApiExample(
    "A card with a purchase today",
    value={
        "per_transaction": {"limit": _usd(50_000), "ceiling": _usd(200_000)},
        "daily": {
            "limit": _usd(100_000), "ceiling": _usd(500_000), "spent": _usd(4500), "left": _usd(95_500),
            "renews_at": "2026-11-29T05:00:00Z",
        },
        "monthly": {
            "limit": _usd(500_000), "ceiling": _usd(2_000_000), "spent": _usd(4500), "left": _usd(495_500),
            "renews_at": "2026-12-01T05:00:00Z",
        },
        "available": _usd(50_000),
        "time_zone": "America/New_York",
    },
    response_only=True,
)  # fmt: skip
CHANGE = OpenApiExample("A lower daily limit", value={"daily_minor": 60_000}, request_only=True)


class CardLimits(ApiView):
    """The limits of one of the person's cards."""

    if_match_methods = ("PATCH",)
    etag_methods = ("GET", "PATCH")

    @extend_schema(responses=LimitsSerializer, examples=[EXAMPLE], operation_id="card_limits_read")
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Shows each limit with what is spent, left, and when it renews; the ETag is for a change."""
        return _show(own_card(request, public_id))

    @extend_schema(
        request=NewLimits, responses=LimitsSerializer, examples=[EXAMPLE, CHANGE], operation_id="card_limits_change"
    )
    def patch(self, request: Request, public_id: uuid.UUID) -> Response:
        """Changes limits, from the next purchase on. None can be set above its ceiling."""
        asked = NewLimits(data=request.data)
        asked.is_valid(raise_exception=True)
        card = own_limits.set_limits(
            own_card(request, public_id),
            asked.validated_data,
            requested_by=actor_of(request),
            check=lambda locked: check_unchanged(request, _version(locked)),
        )
        return _show(card)


def _show(card: VirtualCard) -> Response:
    limits, ceilings = cardholder_limits.limits_of(card), cardholder_limits.ceilings_of(card)
    shown: dict[str, Any] = {"per_transaction": _of(card, limits, ceilings, "per_transaction_minor")}
    left = [limits.per_transaction_minor]
    for name, (kind, field) in KINDS.items():
        usage = cardholder_limits.usage_of(card, kind)
        left.append(max(0, getattr(limits, field) - usage.spent_minor))
        shown[name] = {
            **_of(card, limits, ceilings, field),
            "spent": money(usage.spent_minor, card.currency),
            "left": money(left[-1], card.currency),
            "renews_at": serializers.DateTimeField().to_representation(usage.renews_at),
        }
    shown |= {"available": money(min(left), card.currency), "time_zone": card.cardholder.time_zone}
    return tagged(Response(shown), _version(card))


def _of(card: VirtualCard, limits: Any, ceilings: Any, field: str) -> dict[str, Any]:
    return {
        "limit": money(getattr(limits, field), card.currency),
        "ceiling": money(getattr(ceilings, field), card.currency),
    }


def _version(card: VirtualCard) -> str:
    return version_of(card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor)
