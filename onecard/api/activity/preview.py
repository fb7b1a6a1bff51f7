"""Which card would pay at a merchant, before one buys there: the ranking with its reasons, and nothing is stored."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import cardholder_of
from onecard.api.activity import explanation
from onecard.api.fields import MoneySerializer
from onecard.api.view import ApiView
from onecard.kit.money import Money
from routing import preview
from routing.explanation import explain
from routing.models import MerchantCategory

EXAMPLE = OpenApiExample(
    "Dinner for 45 USD", value={"mcc": "5812", "amount": {"amount_minor": 4500, "currency": "USD"}}, request_only=True
)


class PreviewRequest(serializers.Serializer[Any]):
    """A merchant category code, or Stripe's name of one, and an amount."""

    mcc = serializers.RegexField(r"^\d{4}$", required=False, help_text="Four digits, such as 5812.")
    category = serializers.CharField(max_length=120, required=False, help_text="Such as eating_places_restaurants.")
    merchant = serializers.CharField(max_length=120, required=False, allow_blank=True, help_text="Its name.")
    amount = MoneySerializer()

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        if bool(asked.get("mcc")) == bool(asked.get("category")):
            raise serializers.ValidationError({"mcc": ["Give either the MCC or the category."]})
        if asked["amount"]["minor"] <= 0:
            raise serializers.ValidationError({"amount": ["It must be more than zero."]})
        return {**asked, "mcc": asked.get("mcc") or self._code_of(asked["category"])}

    def _code_of(self, category: str) -> str:
        found = MerchantCategory.objects.filter(stripe_category=category).order_by("code").first()
        if found is None:
            raise serializers.ValidationError({"category": [f"{category!r} is no merchant category that we know."]})
        return str(found.code)


class PreviewSerializer(serializers.Serializer[Any]):
    mcc = serializers.CharField()
    category = serializers.CharField(help_text="In words; empty for an MCC that we do not know.")
    would_pay = serializers.BooleanField(help_text="Whether any card could be charged.")
    explanation = explanation.ExplanationSerializer()


class RoutingPreview(ApiView):
    """A question that changes nothing, so it needs no idempotency key."""

    throttle_scope = "preview"

    @extend_schema(
        request=PreviewRequest, responses=PreviewSerializer, examples=[EXAMPLE], operation_id="routing_preview"
    )
    def post(self, request: Request) -> Response:
        """Ranks the person's cards for a purchase as the decision would, with what each earns."""
        asked = PreviewRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        mcc, amount = asked.validated_data["mcc"], Money(**asked.validated_data["amount"])
        choice, trace = preview.rank(
            cardholder_of(request),
            mcc=mcc,
            currency=amount.currency,
            merchant=asked.validated_data.get("merchant", ""),
            amount_minor=amount.minor,
        )
        known = MerchantCategory.objects.filter(code=mcc).first()
        return Response(
            {
                "mcc": mcc,
                "category": known.description if known else "",
                "would_pay": choice.method is not None,
                "explanation": explanation.render(explain(trace, rule=choice.rule, amount=amount), amount=amount),
            }
        )
