"""What a person's purchases earned, by month, by card or by category, and what routing gained."""

import datetime as dt
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.rewards.totals import Total, totals, units_in_words
from onecard.api.access import cardholder_of
from onecard.api.fields import MoneySerializer, money, plain
from onecard.api.view import ApiView
from onecard.kit import display

BY = {"month": "month", "card": "method", "category": "category"}
EXAMPLE = OpenApiExample(
    "One month",
    value={
        "by": "month",
        "groups": [
            {
                "key": "2026-11", "label": "2026-11", "purchases": 1, "earned": ["135 points"],
                "spent": {"amount_minor": 4500, "currency": "USD"}, "value_low": "0.68", "value": "1.35",
                "value_high": "2.03", "baseline": "0.45", "benefit": "0.9",
            }
        ],
    },
    response_only=True,
)  # fmt: skip


class Query(serializers.Serializer[Any]):
    by = serializers.ChoiceField(choices=list(BY), default="month")
    since = serializers.DateField(required=False, help_text="The first month, by any day of it.")
    until = serializers.DateField(required=False, help_text="The last month, included.")


class GroupSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    purchases = serializers.IntegerField()
    spent = MoneySerializer()
    earned = serializers.ListField(child=serializers.CharField(), help_text="In words, by programme.")
    value_low = serializers.CharField(help_text="At 0.5 cents a unit, in whole units of the currency.")
    value = serializers.CharField(help_text="At 1 cent.")
    value_high = serializers.CharField(help_text="At 1.5 cents.")
    baseline = serializers.CharField(help_text="What a card with 1 point a unit had earned.")
    benefit = serializers.CharField(help_text="The value less the baseline.")


class RewardsSerializer(serializers.Serializer[Any]):
    by = serializers.ChoiceField(choices=list(BY))
    groups = GroupSerializer(many=True)


class Rewards(ApiView):
    """The person's rewards book, summed up."""

    @extend_schema(
        parameters=[
            OpenApiParameter("by", str, enum=list(BY), description="What is summed up; month if not given."),
            OpenApiParameter("since", dt.date, description="The first month, by any day of it."),
            OpenApiParameter("until", dt.date, description="The last month, included."),
        ],
        responses=RewardsSerializer,
        examples=[EXAMPLE],
        operation_id="rewards_read",
    )
    def get(self, request: Request) -> Response:
        """Sums up what purchases earned and what refunds took back; currencies are never added up."""
        asked = Query(data=request.query_params)
        asked.is_valid(raise_exception=True)
        by = asked.validated_data["by"]
        login = cardholder_of(request).user.get_username()
        since, until = asked.validated_data.get("since"), asked.validated_data.get("until")
        found = totals(by=BY[by], cardholder=login, since=since, until=until)
        return Response({"by": by, "groups": [_group(each) for each in found]})


def _group(total: Total) -> dict[str, Any]:
    value = total.value

    def shown(amount: Decimal) -> str:
        return plain(display.rounded(amount, total.currency))

    return {
        "key": total.key,
        "label": total.label,
        "purchases": value.charges,
        "spent": money(value.spent_minor, total.currency),
        "earned": [units_in_words(each.units, each.reward_type, each.currency) for each in total.earned],
        "value_low": shown(value.low),
        "value": shown(value.face),
        "value_high": shown(value.high),
        "baseline": shown(value.baseline),
        "benefit": shown(value.benefit),
    }
