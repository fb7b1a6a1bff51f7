"""What a person does with their card: activate, freeze, unfreeze, close and replace it."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from issuing import states
from issuing.cards import orders
from issuing.cards import service as cards
from onecard.api.access import actor_of
from onecard.api.cards.shown import ONE, CardSerializer, own_card, show
from onecard.api.idempotency import idempotent_outside
from onecard.api.view import ApiView


class Nothing(serializers.Serializer[Any]):
    """Needs no fields: send {}."""


class Why(serializers.Serializer[Any]):
    """Why, in the person's words."""

    reason = serializers.CharField(max_length=200, help_text="For the record; the issuer may see it.")


class WhyReplaced(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(
        states.Replacement.choices, help_text="lost and stolen end the old card at once, with this request."
    )


WHY_FREEZE = OpenApiExample("Mislaid", value={"reason": "I cannot find it."}, request_only=True)
WHY_CLOSE = OpenApiExample("No longer wanted", value={"reason": "I do not need it any more."}, request_only=True)
LOST = OpenApiExample("Lost", value={"reason": "lost"}, request_only=True)


class CardActionView(ApiView):
    """An action that its issuer is asked for; it counts as a call outside."""

    throttle_scope = "outside"
    etag_methods = ("POST",)


class Activate(CardActionView):
    @extend_schema(request=Nothing, responses=CardSerializer, examples=[ONE], operation_id="cards_activate")
    @idempotent_outside
    def post(self, request: Request, public_id: uuid.UUID, *, request_id: uuid.UUID) -> Response:
        """Makes a new card usable once its issuer confirms; one that replaces another ends that one then."""
        card, actor = own_card(request, public_id), actor_of(request)
        return show(cards.activate(card=card, requested_by=actor, key=request_id))


class Freeze(CardActionView):
    @extend_schema(request=Why, responses=CardSerializer, examples=[ONE, WHY_FREEZE], operation_id="cards_freeze")
    @idempotent_outside
    def post(self, request: Request, public_id: uuid.UUID, *, request_id: uuid.UUID) -> Response:
        """Declines purchases from now on. What was approved before can still be captured."""
        card, actor = own_card(request, public_id), actor_of(request)
        return show(cards.freeze(card=card, reason=_reason(request), requested_by=actor, key=request_id))


class Unfreeze(CardActionView):
    @extend_schema(request=Nothing, responses=CardSerializer, examples=[ONE], operation_id="cards_unfreeze")
    @idempotent_outside
    def post(self, request: Request, public_id: uuid.UUID, *, request_id: uuid.UUID) -> Response:
        """Makes the card usable once its issuer confirms. What One Card or the issuer stopped, only they undo."""
        card, actor = own_card(request, public_id), actor_of(request)
        return show(cards.unfreeze(card=card, requested_by=actor, key=request_id))


class Close(CardActionView):
    @extend_schema(request=Why, responses=CardSerializer, examples=[ONE, WHY_CLOSE], operation_id="cards_close")
    @idempotent_outside
    def post(self, request: Request, public_id: uuid.UUID, *, request_id: uuid.UUID) -> Response:
        """Closes the card for good. Its balance stays the person's, and goes to their next card.

        Refused while purchases are not settled or a top-up is under way: freeze it meanwhile.
        """
        card, actor = own_card(request, public_id), actor_of(request)
        return show(cards.close(card=card, reason=_reason(request), requested_by=actor, key=request_id))


class Replace(CardActionView):
    @extend_schema(
        request=WhyReplaced, responses={201: CardSerializer}, examples=[ONE, LOST], operation_id="cards_replace"
    )
    @idempotent_outside
    def post(self, request: Request, public_id: uuid.UUID, *, request_id: uuid.UUID) -> Response:
        """Orders a card in its place, at the same issuer, with its limits, balance and settings; gives the new one.

        A lost or stolen card declines from now on. A damaged or expired one works until the new one is activated.
        Purchases of the old card go on as they were. A second request gets the same new card.
        """
        asked = WhyReplaced(data=request.data)
        asked.is_valid(raise_exception=True)
        made = orders.replace(
            card=own_card(request, public_id),
            reason=asked.validated_data["reason"],
            requested_by=actor_of(request),
            key=request_id,
        )
        return show(made, status=201)


def _reason(request: Request) -> str:
    asked = Why(data=request.data)
    asked.is_valid(raise_exception=True)
    return str(asked.validated_data["reason"])
