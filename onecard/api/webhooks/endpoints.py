"""A person's webhook endpoints: where their events go, and the secret that proves them."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import actor_of, own, user_of
from onecard.api.etags import check_unchanged, tagged, version_of
from onecard.api.idempotency import idempotent, idempotent_secret
from onecard.api.view import ApiView, body_of
from onecard.api.webhooks import deliveries
from onecard.integrations import endpoints, signing
from onecard.integrations.models import Endpoint
from onecard.integrations.targets import LONGEST_URL
from onecard.integrations.types import EVERY, WANTED
from onecard.kit import clock


class WebhookEndpointSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    description = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(WANTED), help_text="* is every type, also later ones.")
    enabled = serializers.BooleanField()
    disabled_by = serializers.ChoiceField(
        [value for value in Endpoint.OffBy.values if value],
        allow_null=True,
        help_text="failures: after days of them. What staff switched off, only they switch on.",
    )
    failing_since = serializers.DateTimeField(allow_null=True, help_text="Nothing but failures since then.")
    old_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the secret before the last change signs as well."
    )
    created_at = serializers.DateTimeField()


class WebhookEndpointWithSecretSerializer(WebhookEndpointSerializer):
    secret = serializers.CharField(help_text="Shown now, and never again: keep it.")


class NewWebhookEndpoint(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=LONGEST_URL, help_text="https, on port 443 or 8443, by host name.")
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    events = serializers.ListField(
        child=serializers.ChoiceField(WANTED), min_length=1, max_length=len(WANTED), default=[EVERY]
    )

    def validate_events(self, events: list[str]) -> list[str]:
        """Every type is every type."""
        return [EVERY] if EVERY in events else sorted(set(events))


class WebhookEndpointChange(NewWebhookEndpoint):
    """What to change; what is left out stays."""

    url = serializers.CharField(
        max_length=LONGEST_URL, required=False, help_text="https, on port 443 or 8443, by host name."
    )
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    events = serializers.ListField(
        child=serializers.ChoiceField(WANTED), required=False, min_length=1, max_length=len(WANTED)
    )
    enabled = serializers.BooleanField(required=False)


SHOWN = {
    "id": "5b0f6a4e-9d1f-4c8e-8d6b-6a1f0c6f2f11",
    "url": "https://hooks.example.com/onecard",
    "description": "Bookkeeping",
    "events": ["purchase.approved", "refund.sent"],
    "enabled": True,
    "disabled_by": None,
    "failing_since": None,
    "old_secret_until": None,
    "created_at": "2026-11-28T12:00:00Z",
}
ONE = OpenApiExample("An endpoint that works", value=SHOWN, response_only=True)
MADE = OpenApiExample(
    "With its secret", value=SHOWN | {"secret": "whsec_<44 characters of base64>"}, response_only=True
)
NEW = OpenApiExample(
    "Purchases and refunds",
    value={name: SHOWN[name] for name in ("url", "description", "events")},
    request_only=True,
)
OFF = OpenApiExample("Switch it off", value={"enabled": False}, request_only=True)


class WebhookEndpoints(ApiView, ListAPIView[Endpoint]):
    """The person's endpoints, five at most."""

    etag_methods = ("POST",)

    queryset = Endpoint.objects.none()
    serializer_class = WebhookEndpointSerializer

    def get_queryset(self) -> QuerySet[Endpoint]:
        return endpoints.of_person(user_of(self.request).pk)

    @extend_schema(examples=[ONE], operation_id="webhook_endpoints_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lists the person's endpoints, without their secrets."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([render(each) for each in page or []])

    @extend_schema(
        request=NewWebhookEndpoint,
        responses={201: WebhookEndpointWithSecretSerializer},
        examples=[MADE, NEW],
        operation_id="webhook_endpoints_create",
    )
    @idempotent_secret
    def post(self, request: Request, *, request_id: uuid.UUID) -> Response:
        """Adds an endpoint, and shows its secret. Events go to it from now on."""
        asked = NewWebhookEndpoint(data=body_of(request))
        asked.is_valid(raise_exception=True)
        made = endpoints.create(
            user_of(request),
            url=asked.validated_data["url"],
            description=asked.validated_data["description"],
            wanted=asked.validated_data["events"],
            key=request_id,
            actor=actor_of(request),
        )
        return _with_secret(made, status=201)


class WebhookEndpoint(ApiView):
    """One endpoint."""

    if_match_methods = ("PATCH",)
    etag_methods = ("GET", "PATCH")

    @extend_schema(responses=WebhookEndpointSerializer, examples=[ONE], operation_id="webhook_endpoints_read")
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Shows an endpoint; the ETag is for a change."""
        return _show(own_endpoint(request, public_id))

    @extend_schema(
        request=WebhookEndpointChange,
        responses=WebhookEndpointSerializer,
        examples=[ONE, OFF],
        operation_id="webhook_endpoints_change",
    )
    def patch(self, request: Request, public_id: uuid.UUID) -> Response:
        """Changes some of it. Switched off, it gets nothing, and what waits for it is given up."""
        asked = WebhookEndpointChange(data=body_of(request), partial=True)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        changed = endpoints.change(
            own_endpoint(request, public_id),
            actor=actor_of(request),
            is_on=wanted.pop("enabled", None),
            check=lambda row: check_unchanged(request, _version(row)),
            **wanted,
        )
        return _show(changed)

    @extend_schema(responses={204: None}, operation_id="webhook_endpoints_delete")
    def delete(self, request: Request, public_id: uuid.UUID) -> Response:
        """Deletes an endpoint with its secret. Nothing more goes to it."""
        endpoints.delete(own_endpoint(request, public_id), actor=actor_of(request))
        return Response(status=204)


class WebhookRotation(ApiView):
    """Another secret for an endpoint."""

    etag_methods = ("POST",)

    @extend_schema(
        request=None,
        responses=WebhookEndpointWithSecretSerializer,
        examples=[MADE],
        operation_id="webhook_endpoints_rotate_secret",
    )
    @idempotent_secret
    def post(self, request: Request, public_id: uuid.UUID, *, request_id: uuid.UUID) -> Response:
        """Gives the endpoint a new secret, and shows it. The old one signs as well for 24 hours."""
        found = own_endpoint(request, public_id)
        return _with_secret(endpoints.rotate(found, key=request_id, actor=actor_of(request)))


class WebhookTest(ApiView):
    """A try-out."""

    throttle_scope = "webhook_test"

    @extend_schema(
        request=None,
        responses={201: deliveries.WebhookDeliverySerializer},
        examples=[deliveries.ONE],
        operation_id="webhook_endpoints_test",
    )
    @idempotent
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        """Sends an event of the type webhook_endpoint.test; its delivery says soon what came of it."""
        made = endpoints.send_test(own_endpoint(request, public_id))
        return Response(deliveries.render(made), status=201)


def own_endpoint(request: Request, public_id: uuid.UUID) -> Endpoint:
    """Returns an endpoint of the caller's own; raises NotFound."""
    return own(endpoints.of_person(user_of(request).pk), public_id=public_id)


def render(row: Endpoint) -> dict[str, Any]:
    """Returns an endpoint in the form of WebhookEndpointSerializer."""
    has_old = row.old_secret_until is not None and row.old_secret_until > clock.now()
    shown = {
        **{name: getattr(row, name) for name in ("url", "description", "events", "failing_since", "created_at")},
        "id": row.public_id,
        "enabled": row.is_on,
        "disabled_by": row.off_by or None,
        "old_secret_until": row.old_secret_until if has_old else None,
    }
    return dict(WebhookEndpointSerializer(shown).data)


def _show(row: Endpoint) -> Response:
    return tagged(Response(render(row)), _version(row))


@sensitive_variables()
def _with_secret(row: Endpoint, *, status: int = 200) -> Response:
    return tagged(Response(render(row) | {"secret": signing.secret_of(row)}, status=status), _version(row))


def _version(row: Endpoint) -> str:
    return version_of(row.url, row.description, row.events, row.off_by, row.updated_at)
