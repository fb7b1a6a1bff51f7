"""Which card product a funding card is, so that its own rewards count: a search with suggestions."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.fields import MoneySerializer
from onecard.api.view import ApiView
from wallet.methods import products
from wallet.models import CardProduct, Network

MOST_SUGGESTIONS = 20


class ProductQuery(serializers.Serializer[Any]):
    """What narrows the suggestions."""

    network = serializers.ChoiceField(Network.choices, required=False, help_text="Only products of this network.")
    search = serializers.CharField(
        required=False, allow_blank=True, max_length=80, help_text="Words of its name or issuer, such as sapphire."
    )


class ProductSerializer(serializers.Serializer[CardProduct]):
    """A kind of card that an issuer sells."""

    key = serializers.CharField(help_text="Stable; a funding card names its product by it.")
    name = serializers.CharField()
    issuer = serializers.CharField()
    network = serializers.ChoiceField(Network.choices)
    annual_fee = MoneySerializer(source="fee")


class ProductsSerializer(serializers.Serializer[Any]):
    results = ProductSerializer(many=True)


SAPPHIRE = {
    "key": "chase-sapphire-reserve",
    "name": "Chase Sapphire Reserve",
    "issuer": "Chase",
    "network": "visa",
    "annual_fee": {"amount_minor": 55000, "currency": "USD"},
}
EXAMPLE = OpenApiExample("A search for sapphire", value={"results": [SAPPHIRE]}, response_only=True)


class CardProducts(ApiView):
    """Card products to choose from."""

    @extend_schema(
        parameters=[ProductQuery], responses=ProductsSerializer, examples=[EXAMPLE], operation_id="card_products_list"
    )
    def get(self, request: Request) -> Response:
        """Suggests up to 20 products that fit the network and the words typed, the best first."""
        asked = ProductQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = products.suggest(**asked.validated_data)[:MOST_SUGGESTIONS]
        return Response({"results": [ProductSerializer(each).data for each in found]})
