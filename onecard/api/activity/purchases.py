"""What a person bought: a list with filters, and one purchase from the tap to its settlement, with why."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from issuing import states
from issuing.activity import declines, reasons, timeline
from issuing.activity.purchases import STATUSES, Payment, PurchaseView, of_cardholder, views
from issuing.controls import passes
from issuing.models import Authorization, Decision
from onecard.api.access import cardholder_of, own
from onecard.api.activity import explanation
from onecard.api.fields import MoneySerializer, money
from onecard.api.filters import MccFilter, MinorFilter
from onecard.api.view import ApiView


class MerchantSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    category = serializers.CharField()
    mcc = serializers.CharField()
    city = serializers.CharField()
    country = serializers.CharField()


class PaymentSerializer(serializers.Serializer[Any]):
    """One of the person's cards and what it pays; `funding_card` is empty for the virtual card's own balance."""

    funding_card = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    last_four = serializers.CharField()
    amount = MoneySerializer()
    status = serializers.CharField()


class DeclineSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable; a frontend decides by it.")
    sentence = serializers.CharField(help_text="What was wrong and what helps, for the person.")


class PurchaseSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The issuer's id of the authorization.")
    status = serializers.ChoiceField(choices=STATUSES)
    amount = MoneySerializer(help_text="What it comes to now: held, taken, or asked for where it was declined.")
    merchant_amount = MoneySerializer(allow_null=True, help_text="In the merchant's own currency, if it is another.")
    merchant = MerchantSerializer()
    card = serializers.UUIDField(help_text="The virtual card.")
    paid_with = PaymentSerializer(many=True)
    decline = DeclineSerializer(allow_null=True)
    created_at = serializers.DateTimeField()


class StepSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    after_ms = serializers.IntegerField(help_text="Since the tap.")
    kind = serializers.CharField()
    text = serializers.CharField()
    amount = MoneySerializer(allow_null=True)


class PurchaseDetailSerializer(PurchaseSerializer):
    can_answer = serializers.BooleanField(
        help_text="true while “it was me” opens a window for one retry: a control stopped or questioned the purchase."
    )
    timeline = StepSerializer(many=True)
    explanation = explanation.ExplanationSerializer(allow_null=True)
    decided_in_ms = serializers.FloatField(allow_null=True)


EXAMPLE = OpenApiExample(
    "A dinner that is not settled yet",
    value={
        "id": "iauth_1S769SQLFtcEJSwHLTAnsvQe",
        "status": "pending",
        "amount": {"amount_minor": 4500, "currency": "USD"},
        "merchant_amount": None,
        "merchant": {
            "name": "Bella Italia", "category": "eating_places_restaurants", "mcc": "5812", "city": "Boston",
            "country": "US",
        },
        "card": "9a0c5a52-7a38-4c55-8a51-6f4d2e3b1c00",
        "paid_with": [
            {
                "funding_card": "4f7c9ab0-0a4a-4d4b-9c1a-6d6a70b3f6a1", "name": "Citi Double Cash Card",
                "last_four": "4444", "amount": {"amount_minor": 4500, "currency": "USD"}, "status": "succeeded",
            }
        ],
        "decline": None,
        "created_at": "2026-11-28T12:00:00Z",
    },
    response_only=True,
)  # fmt: skip


class PurchaseFilter(filters.FilterSet):
    """By time, card, merchant, category, amount and status; amounts in minor units of the card's currency."""

    since = filters.IsoDateTimeFilter("created_at", "gte", help_text="From then on, included.")
    until = filters.IsoDateTimeFilter("created_at", "lt", help_text="Before then.")
    card = filters.UUIDFilter("card__public_id")
    merchant = filters.CharFilter("merchant_name", "icontains", max_length=120)
    mcc = MccFilter("mcc", "exact")
    least_minor = MinorFilter("approved_minor", "gte")
    most_minor = MinorFilter("approved_minor", "lte")
    status = filters.ChoiceFilter(field_name="status", choices=states.Authorization.choices)

    class Meta:
        model = Authorization
        fields: list[str] = []


class Purchases(ApiView, ListAPIView[Authorization]):
    """A person's purchases, the newest first."""

    queryset = Authorization.objects.none()
    serializer_class = PurchaseSerializer
    filterset_class = PurchaseFilter

    def get_queryset(self) -> QuerySet[Authorization]:
        return of_cardholder(cardholder_of(self.request))

    @extend_schema(examples=[EXAMPLE], operation_id="purchases_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lists purchases of all cards of the person, old and new, in pages."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        zone = cardholder_of(request).time_zone
        return self.get_paginated_response([render(each, zone) for each in views(page or [])])


class Purchase(ApiView):
    """One purchase with its steps and the reason for the card that pays."""

    @extend_schema(responses=PurchaseDetailSerializer, operation_id="purchases_read")
    def get(self, request: Request, purchase_id: str) -> Response:
        """Shows a purchase from the tap to its settlement, and why which card pays."""
        holder = cardholder_of(request)
        row = own(of_cardholder(holder), issuer_authorization_id=purchase_id)
        (view,) = views([row])
        steps = timeline.build(row, time_zone=holder.time_zone)
        return Response(
            {
                **render(view, holder.time_zone),
                "can_answer": view.decision is not None and passes.is_offered(view.decision),
                "timeline": [_step(each) for each in steps],
                "explanation": _why(view.decision),
                "decided_in_ms": _total_ms(view.decision),
            }
        )


def render(view: PurchaseView, time_zone: str) -> dict[str, Any]:
    """Returns a purchase in the form of PurchaseSerializer."""
    row = view.row
    code, sentence = declines.why(row, view.decision, time_zone=time_zone)
    has_own = row.merchant_amount_minor is not None
    return {
        "id": row.issuer_authorization_id,
        "status": view.status,
        "amount": money(view.money.minor, view.money.currency),
        "merchant_amount": money(row.merchant_amount_minor or 0, row.merchant_currency) if has_own else None,
        "merchant": {
            "name": row.merchant_name,
            "category": row.merchant_category,
            "mcc": row.mcc,
            "city": row.merchant_city,
            "country": row.merchant_country,
        },
        "card": str(row.card.public_id) if row.card else None,
        "paid_with": [_payment(each) for each in view.payments],
        "decline": {"code": code, "sentence": sentence} if view.status == "declined" else None,
        "created_at": serializers.DateTimeField().to_representation(row.created_at),
    }


def _payment(payment: Payment) -> dict[str, Any]:
    method = payment.method
    return {
        "funding_card": str(method.public_id) if method else None,
        "name": method.name if method else "Card balance",
        "last_four": method.last_four if method else "",
        "amount": money(payment.money.minor, payment.money.currency),
        "status": payment.status,
    }


def _step(step: timeline.Step) -> dict[str, Any]:
    return {
        "at": serializers.DateTimeField().to_representation(step.at),
        "after_ms": step.after_ms,
        "kind": step.kind,
        "text": step.text,
        "amount": money(step.money.minor, step.money.currency) if step.money else None,
    }


def _why(decision: Decision | None) -> dict[str, Any] | None:
    found = reasons.of_decision(decision)
    return explanation.render(found.explanation, amount=found.amount) if found else None


def _total_ms(decision: Decision | None) -> float | None:
    if decision is None or not isinstance(decision.timings_ms, dict):
        return None
    return round(sum(each for each in decision.timings_ms.values() if isinstance(each, int | float)), 3)
