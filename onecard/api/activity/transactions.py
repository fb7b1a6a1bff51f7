"""What merchants took and gave back on a person's cards: captures, refunds and what disputes moved."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.models import CardTransaction
from onecard.api.access import cardholder_of
from onecard.api.activity.purchases import MerchantSerializer
from onecard.api.fields import MoneySerializer, money
from onecard.api.filters import MccFilter
from onecard.api.view import ApiView

Type = CardTransaction.Type
TAKES: frozenset[str] = frozenset({Type.SETTLEMENT, Type.CHARGEBACK_REVERSAL, Type.PROVISIONAL_DEBIT})
MOVES = (
    Type.SETTLEMENT, Type.REFUND, Type.CHARGEBACK, Type.CHARGEBACK_REVERSAL, Type.PROVISIONAL_CREDIT,
    Type.PROVISIONAL_DEBIT,
)  # fmt: skip
EXAMPLE = OpenApiExample(
    "A capture",
    value={
        "id": "ipi_1S769S", "type": "settlement", "status": "settled",
        "amount": {"amount_minor": -4500, "currency": "USD"}, "purchase": "iauth_1S769SQLFtcEJSwHLTAnsvQe",
        "merchant": {"name": "Bella Italia", "category": "", "mcc": "5812", "city": "Boston", "country": ""},
        "card": "9a0c5a52-7a38-4c55-8a51-6f4d2e3b1c00", "occurred_at": "2026-11-28T12:00:00Z",
    },
    response_only=True,
)  # fmt: skip


class TransactionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="The issuer's id.")
    type = serializers.ChoiceField(choices=[(each.value, each.label) for each in MOVES])
    status = serializers.CharField()
    amount = MoneySerializer(help_text="Below zero for what a merchant took, above for what came back.")
    purchase = serializers.CharField(allow_null=True, help_text="The purchase that it is of, if that is known.")
    merchant = MerchantSerializer()
    card = serializers.UUIDField()
    occurred_at = serializers.DateTimeField()


class TransactionFilter(filters.FilterSet):
    """By time, card, type, merchant and category."""

    since = filters.IsoDateTimeFilter("occurred_at", "gte", help_text="From then on, included.")
    until = filters.IsoDateTimeFilter("occurred_at", "lt", help_text="Before then.")
    card = filters.UUIDFilter("card__public_id")
    type = filters.ChoiceFilter("transaction_type", choices=[(each.value, each.label) for each in MOVES])
    merchant = filters.CharFilter("merchant_name", "icontains", max_length=120)
    mcc = MccFilter("mcc", "exact")

    class Meta:
        model = CardTransaction
        fields: list[str] = []


class Transactions(ApiView, ListAPIView[CardTransaction]):
    """A person's movements, the newest first."""

    queryset = CardTransaction.objects.none()
    serializer_class = TransactionSerializer
    filterset_class = TransactionFilter

    def get_queryset(self) -> QuerySet[CardTransaction]:
        cards = list(cardholder_of(self.request).virtual_cards.values_list("pk", flat=True))
        rows = CardTransaction.objects.filter(card__in=cards, transaction_type__in=MOVES)
        return rows.select_related("card", "authorization")

    @extend_schema(examples=[EXAMPLE], operation_id="transactions_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lists what merchants took and gave back on all cards of the person, in pages."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([_render(each) for each in page or []])


def _render(row: CardTransaction) -> dict[str, Any]:
    sign = -1 if row.transaction_type in TAKES else 1
    return {
        "id": row.issuer_transaction_id,
        "type": row.transaction_type,
        "status": row.processing_status,
        "amount": money(sign * row.amount_minor, row.currency),
        "purchase": row.authorization.issuer_authorization_id if row.authorization else None,
        "merchant": {
            "name": row.merchant_name,
            "category": row.merchant_category,
            "mcc": row.mcc,
            "city": row.merchant_location,
            "country": "",
        },
        "card": str(row.card.public_id) if row.card else None,
        "occurred_at": serializers.DateTimeField().to_representation(row.occurred_at),
    }
