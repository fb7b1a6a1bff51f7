"""A person's virtual cards: ask for one, see them, and choose whether the balance pays first."""

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.billing import top_ups
from issuing.cards import orders
from issuing.models import VirtualCard
from onecard.api.access import actor_of, cardholder_of
from onecard.api.cards.shown import ONE, CardSerializer, own_card, own_cards, render, show
from onecard.api.etags import check_unchanged
from onecard.api.idempotency import idempotent_outside
from onecard.api.view import ApiView


class CardOrder(serializers.Serializer[Any]):
    """What the person asks for; no field is required."""

    network = serializers.ChoiceField(
        VirtualCard.CardType.choices, default="visa", help_text="A wish: the issuer's program decides."
    )


class CardSettings(serializers.Serializer[Any]):
    spends_balance = serializers.BooleanField(help_text="The balance pays first; funding cards pay the rest.")


NEW = OpenApiExample("Any card", value={}, request_only=True)
SWITCH = OpenApiExample("Pay from the balance first", value={"spends_balance": True}, request_only=True)


class Cards(ApiView, ListAPIView[VirtualCard]):
    """The person's own virtual cards."""

    etag_methods = ("POST",)

    queryset = VirtualCard.objects.none()
    serializer_class = CardSerializer

    def get_queryset(self) -> QuerySet[VirtualCard]:
        return own_cards(self.request)

    @extend_schema(examples=[ONE], operation_id="cards_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lists the cards, also closed ones, the newest first, in pages."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([render(each) for each in page or []])

    @extend_schema(request=CardOrder, responses={201: CardSerializer}, examples=[ONE, NEW], operation_id="cards_create")
    @idempotent_outside
    def post(self, request: Request, *, request_id: uuid.UUID) -> Response:
        """Asks for a card. It is pending until its issuer made it, and then until it is activated.

        Refused with the name of what is missing (kyc, profile, funding_card), and for a person who has a card. The
        balance of an earlier card that was closed comes along, and so does what it has spent of its limits.
        """
        asked = CardOrder(data=request.data)
        asked.is_valid(raise_exception=True)
        card = orders.order(
            cardholder=cardholder_of(request),
            network=asked.validated_data["network"],
            requested_by=actor_of(request),
            key=request_id,
        )
        return show(card, status=201)


class Card(ApiView):
    """One of the person's virtual cards."""

    if_match_methods = ("PATCH",)
    etag_methods = ("GET", "PATCH")

    @extend_schema(responses=CardSerializer, examples=[ONE], operation_id="cards_read")
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Shows a card; the ETag is for a change."""
        return show(own_card(request, public_id))

    @extend_schema(request=CardSettings, responses=CardSerializer, examples=[ONE, SWITCH], operation_id="cards_change")
    def patch(self, request: Request, public_id: uuid.UUID) -> Response:
        """Has the card's balance pay first, or not, from the next purchase on."""
        asked = CardSettings(data=request.data)
        asked.is_valid(raise_exception=True)
        card = top_ups.set_spends_balance(
            own_card(request, public_id),
            spends=asked.validated_data["spends_balance"],
            requested_by=actor_of(request),
            check=lambda locked: check_unchanged(request, locked.version),
        )
        return show(card)
