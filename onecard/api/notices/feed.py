"""The feed: what a person hears of, and what they have read."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import own, user_of
from onecard.api.filters import YesNoFilter
from onecard.api.idempotency import idempotent
from onecard.api.view import ApiView
from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from onecard.notices.models import Notice

SHOWN = {
    "id": "0d6a2f0e-6c5b-4a52-9f0c-0a5f8f1f7d10",
    "kind": "purchase_declined",
    "title": "Purchase declined",
    "text": "600.00 USD at Bella Italia. 600.00 USD is more than your limit for one purchase of 500.00 USD; "
    "500.00 USD was left.",
    "reference": "purchase:iauth_1S769SQLFtcEJSwHLTAnsvQe",
    "created_at": "2026-11-28T12:00:00Z",
    "read_at": None,
}


class NoticeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    kind = serializers.ChoiceField(Kind.choices)
    title = serializers.CharField()
    text = serializers.CharField(help_text="Whole sentences for the person.")
    reference = serializers.CharField(help_text="What it is about, such as purchase:<id>; empty if nothing to open.")
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class ReadSerializer(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="How many were unread.")


class NoticeFilter(filters.FilterSet):
    """Unread or read, and by kind."""

    unread = YesNoFilter("read_at", "isnull", help_text="true: only what was not read.")
    kind = filters.ChoiceFilter(field_name="kind", choices=Kind.choices)

    class Meta:
        model = Notice
        fields: list[str] = []


ONE = OpenApiExample("A declined purchase", value=SHOWN, response_only=True)


class Notifications(ApiView, ListAPIView[Notice]):
    """What the person hears of, the newest first."""

    queryset = Notice.objects.none()
    serializer_class = NoticeSerializer
    filterset_class = NoticeFilter

    def get_queryset(self) -> QuerySet[Notice]:
        return notices.feed_of(user_of(self.request).pk)

    @extend_schema(examples=[ONE], operation_id="notifications_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lists what happened to the person's cards, purchases and login, in pages."""
        return super().get(request, *args, **kwargs)


class NotificationRead(ApiView):
    """One notice that was read."""

    @extend_schema(request=None, responses=NoticeSerializer, examples=[ONE], operation_id="notifications_read_one")
    @idempotent
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        """Marks a notice as read; the first time stays."""
        rows = notices.feed_of(user_of(request).pk)
        row = own(rows, public_id=public_id)
        notices.mark_read(rows.filter(pk=row.pk))
        row.refresh_from_db(fields=("read_at",))
        return Response(NoticeSerializer(row).data)


class NotificationsReadAll(ApiView):
    """All notices that there are."""

    @extend_schema(
        request=None,
        responses=ReadSerializer,
        examples=[OpenApiExample("Three were unread", value={"read": 3}, response_only=True)],
        operation_id="notifications_read_all",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Marks everything as read that was not."""
        return Response({"read": notices.mark_read(notices.feed_of(user_of(request).pk))})
