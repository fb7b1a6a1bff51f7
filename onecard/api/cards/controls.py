"""The controls that a person puts on their own card: for a single purchase, or for one merchant only."""

import uuid
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.activity.purchases import of_cardholder
from issuing.controls import own as own_controls
from issuing.controls.own import Own
from onecard.api.access import actor_of, cardholder_of, own
from onecard.api.cards.shown import own_card
from onecard.api.idempotency import idempotent
from onecard.api.view import ApiView
from onecard.kit.text import free_text


class LockedMerchantSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Empty where only the network's id counts.")
    network_id = serializers.CharField(help_text="Empty where only the name counts.")


class CardControlSerializer(serializers.Serializer[Any]):
    """One control of the card; what our staff set up for all cards is not listed."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(own_controls.OWN_KINDS)
    merchant = LockedMerchantSerializer(allow_null=True, help_text="Of a merchant lock: where the card still pays.")
    used = serializers.BooleanField(help_text="Of a single-use card: its purchase was made.")
    created_at = serializers.DateTimeField()


class CardControlsSerializer(serializers.Serializer[Any]):
    results = CardControlSerializer(many=True)


class NewCardControl(serializers.Serializer[Any]):
    """single_use needs no more. merchant_lock names the merchant: by a purchase, or by a name or network id."""

    kind = serializers.ChoiceField(own_controls.OWN_KINDS)
    purchase = serializers.CharField(max_length=120, required=False, help_text="One of the person's own purchases.")
    merchant_name = serializers.CharField(max_length=120, required=False, help_text="As it stands on purchases.")
    network_id = serializers.CharField(max_length=64, required=False, help_text="The merchant's id in the network.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("purchase", "merchant_name", "network_id") if attrs.get(name)]
        if attrs["kind"] == own_controls.MERCHANT and not named:
            raise serializers.ValidationError("Name the merchant: a purchase, a merchant_name or a network_id.")
        if attrs["kind"] == own_controls.SINGLE and named:
            raise serializers.ValidationError("A single-use card names no merchant: lock it to one beside that.")
        if "purchase" in named and len(named) > 1:
            raise serializers.ValidationError("Name the merchant by a purchase or by itself, not both.")
        return attrs


SHOWN: Final[dict[str, Any]] = {
    "id": "2f0a7f7c-3f0e-4f0a-9a55-5a2b8c1d7e42",
    "kind": "merchant_lock",
    "merchant": {"name": "Bella Italia", "network_id": "1234567890"},
    "used": False,
    "created_at": "2026-11-28T12:00:00Z",
}
ONE = OpenApiExample("Locked to one merchant", value=SHOWN, response_only=True)
LOCK = OpenApiExample(
    "Only where I bought before", value={"kind": "merchant_lock", "merchant_name": "Bella Italia"}, request_only=True
)
LISTED = OpenApiExample("One control", value={"results": [SHOWN]}, response_only=True)


class CardControls(ApiView):
    """The controls that a person put on one of their cards."""

    @extend_schema(responses=CardControlsSerializer, examples=[LISTED], operation_id="card_controls_list")
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Lists the controls in force, the oldest first."""
        found = own_controls.list_of(own_card(request, public_id))
        return Response({"results": [render(each) for each in found]})

    @extend_schema(
        request=NewCardControl, responses={201: CardControlSerializer}, examples=[ONE, LOCK],
        operation_id="card_controls_create",
    )  # fmt: skip
    @idempotent
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        """Makes the card single-use, or locks it to a merchant, from the next purchase on. Refused for a second one."""
        card, actor = own_card(request, public_id), actor_of(request)
        asked = NewCardControl(data=request.data)
        asked.is_valid(raise_exception=True)
        if asked.validated_data["kind"] == own_controls.SINGLE:
            version = own_controls.make_single_use(card, actor=actor)
        else:
            version = own_controls.lock_to_merchant(card, actor=actor, **_merchant(request, asked.validated_data))
        return Response(render(own_controls.shown(version)), status=201)


class CardControl(ApiView):
    """One of these controls."""

    @extend_schema(responses={204: None}, operation_id="card_controls_delete")
    def delete(self, request: Request, public_id: uuid.UUID, control_id: uuid.UUID) -> Response:
        """Takes a control off the card: it pays again everywhere, or more than once, from the next purchase on."""
        version = own(own_controls.active_of(own_card(request, public_id)), control__public_id=control_id)
        own_controls.remove_own(version, actor=actor_of(request))
        return Response(status=204)


def render(found: Own) -> dict[str, Any]:
    """Returns a control in the form of CardControlSerializer."""
    is_lock = found.kind == own_controls.MERCHANT
    return {
        "id": str(found.public_id),
        "kind": found.kind,
        "merchant": {"name": found.merchant_name, "network_id": found.network_id} if is_lock else None,
        "used": found.is_used,
        "created_at": serializers.DateTimeField().to_representation(found.created_at),
    }


def _merchant(request: Request, asked: dict[str, Any]) -> dict[str, str]:
    """Returns what the merchant is called: as the request names it, or as one of the person's purchases does."""
    if asked.get("purchase"):
        purchase = own(of_cardholder(cardholder_of(request)), issuer_authorization_id=asked["purchase"])
        return {"network_id": purchase.merchant_network_id, "name": purchase.merchant_name}
    name = free_text(asked.get("merchant_name", ""), limit=120)
    return {"network_id": asked.get("network_id", ""), "name": name}
