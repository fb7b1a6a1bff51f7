"""Two views that only tests have, to try what every view of the API shares."""

import uuid
from collections.abc import Callable
from typing import Any

from django.urls import include, path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.etags import check_unchanged, tagged
from onecard.api.fields import MoneySerializer
from onecard.api.idempotency import idempotent, idempotent_outside
from onecard.api.view import ApiView
from wallet.models import CardProduct

# What the outside view does in the middle, and under which ids it was asked.
during: list[Callable[[], Any]] = []
asked: list[uuid.UUID] = []


class Body(serializers.Serializer[Any]):
    name = serializers.SlugField(max_length=40)
    price = MoneySerializer(required=False)


class Products(ApiView):
    @idempotent
    def post(self, request: Request) -> Response:
        body = Body(data=request.data)
        body.is_valid(raise_exception=True)
        made = CardProduct.objects.create(key=body.validated_data["name"], name="Made", network="visa")
        for step in during:
            step()
        return Response({"id": made.pk, "price": body.data.get("price")}, status=201)

    def put(self, request: Request) -> Response:
        check_unchanged(request, 7)
        return tagged(Response({}), 8)


class Calls(ApiView):
    throttle_scope = "outside"

    @idempotent_outside
    def post(self, request: Request, *, request_id: uuid.UUID) -> Response:
        asked.append(request_id)
        for step in during:
            step()
        return Response({"asked": len(asked)}, status=201)


urlpatterns = [
    path("api/v1/products", Products.as_view()),
    path("api/v1/calls", Calls.as_view()),
    path("", include("onecard.urls")),
]
