"""Money that a person puts on their card from one of their funding cards."""

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from issuing import states
from issuing.billing import top_ups
from issuing.models import CardFunding
from onecard.api.access import actor_of, cardholder_of
from onecard.api.cards.shown import own_card
from onecard.api.fields import MoneySerializer, money
from onecard.api.idempotency import idempotent_outside
from onecard.api.view import ApiView
from onecard.kit.money import Money
from wallet.models import FundingMethod


class TopUpSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    amount = MoneySerializer()
    funding_card = serializers.UUIDField()
    status = serializers.ChoiceField(
        states.Funding.choices, help_text="requested until the funding card has paid, or did not pay."
    )
    created_at = serializers.DateTimeField()


class NewTopUp(serializers.Serializer[Any]):
    amount = MoneySerializer(help_text="In the card's currency; at most what the card may spend in a month.")
    funding_card = serializers.UUIDField(help_text="One of /funding-cards; it is charged now.")

    def validate_funding_card(self, public_id: uuid.UUID) -> FundingMethod:
        mine = self.context["cardholder"].funding_methods.select_related("cardholder")
        found: FundingMethod | None = mine.filter(public_id=public_id).first()
        if found is None:
            raise serializers.ValidationError("There is no such card in your wallet.")
        return found


SHOWN = {
    "id": "3b6f1f0e-5a0d-4a62-9a55-2f7f0f9f1a10",
    "amount": {"amount_minor": 5000, "currency": "USD"},
    "funding_card": "4f7c9ab0-0a4a-4d4b-9c1a-6d6a70b3f6a1",
    "status": "credited",
    "created_at": "2026-11-28T12:00:00Z",
}
ONE = OpenApiExample("50.00 USD that are on the card", value=SHOWN, response_only=True)
NEW = OpenApiExample(
    "Put 50.00 USD on the card",
    value={"amount": SHOWN["amount"], "funding_card": SHOWN["funding_card"]},
    request_only=True,
)


class TopUps(ApiView, ListAPIView[CardFunding]):
    """The top-ups of one of the person's cards."""

    queryset = CardFunding.objects.none()
    serializer_class = TopUpSerializer

    def get_queryset(self) -> QuerySet[CardFunding]:
        card = own_card(self.request, self.kwargs["public_id"])
        return CardFunding.objects.filter(card=card).select_related("source")

    @extend_schema(examples=[ONE], operation_id="top_ups_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lists what was put on this card, the newest first, in pages."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([_render(each) for each in page or []])

    @extend_schema(
        request=NewTopUp, responses={201: TopUpSerializer}, examples=[ONE, NEW], operation_id="top_ups_create"
    )
    @idempotent_outside
    def post(self, request: Request, public_id: uuid.UUID, *, request_id: uuid.UUID) -> Response:
        """Charges a funding card and puts the amount on the card once it has paid; nothing when it declines."""
        card = own_card(request, public_id)
        asked = NewTopUp(data=request.data, context={"cardholder": cardholder_of(request)})
        asked.is_valid(raise_exception=True)
        amount = asked.validated_data["amount"]
        made = top_ups.fund_own_card(
            card=card,
            amount=Money(amount["minor"], amount["currency"]),
            source=asked.validated_data["funding_card"],
            requested_by=actor_of(request),
            request_key=f"api:{request_id}",
        )
        return Response(_render(made), status=201)


def _render(top_up: CardFunding) -> dict[str, Any]:
    return {
        "id": str(top_up.public_id),
        "amount": money(top_up.amount_minor, top_up.currency),
        "funding_card": str(top_up.source.public_id),
        "status": top_up.status,
        "created_at": serializers.DateTimeField().to_representation(top_up.created_at),
    }
