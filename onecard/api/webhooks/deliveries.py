"""The log of an endpoint: what was sent to it, what it answered, and sending it again."""

import json
import uuid
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import actor_of, own, user_of
from onecard.api.idempotency import idempotent
from onecard.api.pages import Pages
from onecard.api.view import ApiView
from onecard.integrations import endpoints, replay
from onecard.integrations.models import Delivery
from onecard.integrations.types import EventType


class WebhookDeliverySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    event_id = serializers.UUIDField(help_text="The webhook-id of every attempt; the id of the notification.")
    type = serializers.ChoiceField(EventType.choices)
    status = serializers.ChoiceField(Delivery.Status.choices)
    attempts = serializers.IntegerField()
    status_code = serializers.IntegerField(allow_null=True, help_text="Of the last answer.")
    answer = serializers.CharField(help_text="The first kibibyte of the last answer.")
    failure = serializers.CharField(help_text="Why the last attempt was none; empty for a success.")
    took_ms = serializers.IntegerField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookDeliveryDetailSerializer(WebhookDeliverySerializer):
    payload = serializers.DictField(allow_null=True, help_text="What was sent; null before the first attempt.")


class DeliveryFilter(filters.FilterSet):
    """By status and type."""

    status = filters.ChoiceFilter(choices=Delivery.Status.choices)
    type = filters.ChoiceFilter(field_name="event__type", choices=EventType.choices)

    class Meta:
        model = Delivery
        fields: list[str] = []


class ByEvent(Pages):
    """The newest event first; an endpoint has each once."""

    ordering = "-event_id"


SHOWN = {
    "id": "1f3d8a52-7a38-4c55-8a51-6f4d2e3b1c00",
    "event_id": "0d6a2f0e-6c5b-4a52-9f0c-0a5f8f1f7d10",
    "type": "purchase.approved",
    "status": "waiting",
    "attempts": 2,
    "status_code": 503,
    "answer": "Down for maintenance",
    "failure": "It answered 503.",
    "took_ms": 84,
    "next_attempt_at": "2026-11-28T12:00:12Z",
    "delivered_at": None,
    "created_at": "2026-11-28T12:00:00Z",
}
ONE = OpenApiExample("One that is tried again", value=SHOWN, response_only=True)
WHOLE = OpenApiExample(
    "With what was sent",
    value=SHOWN
    | {
        "payload": {
            "id": "0d6a2f0e-6c5b-4a52-9f0c-0a5f8f1f7d10",
            "type": "purchase.approved",
            "api_version": "v1",
            "created_at": "2026-11-28T12:00:00Z",
            "data": {
                "notification": {
                    "title": "Purchase approved",
                    "text": "45.00 USD at Bella Italia. Citi Double Cash Card (4444) pays it.",
                    "reference": "purchase:iauth_1S769SQLFtcEJSwHLTAnsvQe",
                }
            },
        }
    },
    response_only=True,
)


class WebhookDeliveries(ApiView, ListAPIView[Delivery]):
    """What was sent to an endpoint, the newest first; kept for 30 days."""

    queryset = Delivery.objects.none()
    serializer_class = WebhookDeliverySerializer
    filterset_class = DeliveryFilter
    pagination_class = ByEvent

    def get_queryset(self) -> QuerySet[Delivery]:
        return _of_endpoint(self.request, self.kwargs["public_id"])

    @extend_schema(examples=[ONE], operation_id="webhook_deliveries_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lists the deliveries of an endpoint, in pages."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([render(each) for each in page or []])


class WebhookDelivery(ApiView):
    """One delivery."""

    @extend_schema(responses=WebhookDeliveryDetailSerializer, examples=[WHOLE], operation_id="webhook_deliveries_read")
    def get(self, request: Request, public_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
        """Shows a delivery with what was sent."""
        row = own(_of_endpoint(request, public_id), public_id=delivery_id)
        return Response(render(row) | {"payload": json.loads(row.event.body) if row.event.body else None})


class WebhookReplay(ApiView):
    """A delivery once more."""

    throttle_scope = "outside"

    @extend_schema(
        request=None,
        responses=WebhookDeliverySerializer,
        examples=[ONE],
        operation_id="webhook_deliveries_replay",
    )
    @idempotent
    def post(self, request: Request, public_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
        """Sends an event again, with the same id and body, now and for three days until it is taken."""
        row = own(_of_endpoint(request, public_id), public_id=delivery_id)
        return Response(render(replay.again(row, actor=actor_of(request))))


def render(row: Delivery) -> dict[str, Any]:
    """Returns a delivery in the form of WebhookDeliverySerializer."""
    same = ("status", "attempts", "status_code", "answer", "took_ms", "next_attempt_at", "delivered_at", "created_at")
    shown = {
        **{name: getattr(row, name) for name in same},
        "id": row.public_id,
        "event_id": row.event.public_id,
        "type": row.event.type,
        "failure": row.failure_message,
    }
    return dict(WebhookDeliverySerializer(shown).data)


def _of_endpoint(request: Any, public_id: uuid.UUID) -> QuerySet[Delivery]:
    endpoint = own(endpoints.of_person(user_of(request).pk), public_id=public_id)
    return Delivery.objects.filter(endpoint=endpoint).select_related("event")
