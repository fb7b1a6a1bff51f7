"""A month looked back on: what was earned, beside one card alone and the most that was possible, and what lacked."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.rewards.monthly.mail import sent_notice
from issuing.rewards.monthly.months import current_month, month_for
from issuing.rewards.monthly.report import Report, reports_of
from onecard.api.access import cardholder_of
from onecard.api.fields import MoneySerializer
from onecard.api.view import ApiView


def _usd(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "USD"}


EXAMPLE = OpenApiExample(
    "One month",
    value={
        "month": "2026-10", "is_over": True, "sent_at": "2026-11-01T12:00:31Z",
        "currencies": [
            {
                "currency": "USD", "purchases": 31, "spent": _usd(141210), "unknown": _usd(0), "earned": _usd(4512),
                "baseline": _usd(2824), "baseline_card": "Citi Double Cash •••• 4444", "benefit": _usd(1688),
                "most": _usd(4630), "left": _usd(118), "base_rates_only": False,
                "cards": [
                    {
                        "name": "Amex Gold", "last_four": "8431",
                        "paid": _usd(60000), "earned": _usd(3600), "alone": _usd(2710),
                    }
                ],
                "missed_activations": [
                    {"card": "Discover it •••• 1117", "quarter": "2026Q4", "gain": _usd(410)}
                ],
                "missed_cards": [
                    {"product": "Blue Cash Preferred", "gain": _usd(1200), "fee_a_year": _usd(9500), "net": _usd(408)}
                ],
            }
        ],
    },
    response_only=True,
)  # fmt: skip


class ReportCardSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    last_four = serializers.CharField()
    paid = MoneySerializer()
    earned = MoneySerializer()
    alone = MoneySerializer(help_text="What it would have earned had it paid everything that it could.")


class MissedActivationSerializer(serializers.Serializer[Any]):
    card = serializers.CharField()
    quarter = serializers.CharField(help_text="Such as 2026Q4.")
    gain = MoneySerializer(help_text="How much more would have been possible at most.")


class MissedCardSerializer(serializers.Serializer[Any]):
    product = serializers.CharField()
    gain = MoneySerializer(help_text="How much more would have been possible at most, without its fee.")
    fee_a_year = MoneySerializer()
    net = MoneySerializer(help_text="The gain less a twelfth of the fee.")


class CurrencyReportSerializer(serializers.Serializer[Any]):
    """One currency of a month. What went back since is taken off, in the month of its purchase."""

    currency = serializers.CharField()
    purchases = serializers.IntegerField()
    spent = MoneySerializer()
    unknown = MoneySerializer(help_text="Of what was spent, paid by cards without terms; counted in no other sum.")
    earned = MoneySerializer(
        help_text="By the cards' terms, at what a point is worth to the person, less foreign fees."
    )
    baseline = MoneySerializer(help_text="What the best single card would have earned.")
    baseline_card = serializers.CharField(help_text="That card; empty where none has terms.")
    benefit = MoneySerializer(help_text="Earned less baseline; may be below zero.")
    most = MoneySerializer(help_text="The most that was possible with these cards in this month: a proven bound.")
    left = MoneySerializer(help_text="Most less earned.")
    cards = ReportCardSerializer(many=True)
    missed_activations = MissedActivationSerializer(many=True, help_text="The best first, at most three.")
    base_rates_only = serializers.BooleanField(
        help_text="The cards' banks may see our merchant code, so only base rates are counted."
    )
    missed_cards = MissedCardSerializer(many=True, help_text="Cards that would have paid more than they cost.")


class MonthlyReportSerializer(serializers.Serializer[Any]):
    month = serializers.CharField(help_text="Such as 2026-10, by the person's own calendar.")
    is_over = serializers.BooleanField()
    sent_at = serializers.DateTimeField(allow_null=True, help_text="When it was sent; the numbers may differ since.")
    currencies = CurrencyReportSerializer(many=True, help_text="Empty for a month without purchases.")


class MonthlyReport(ApiView):
    """The report as it stands now."""

    throttle_scope = "preview"

    @extend_schema(
        parameters=[
            OpenApiParameter("month", str, description="A month such as 2026-10; the last whole one if not given.")
        ],
        responses=MonthlyReportSerializer,
        examples=[EXAMPLE],
        operation_id="monthly_report_read",
    )
    def get(self, request: Request) -> Response:
        """Looks back on a month; a month that has not begun, or is written otherwise, is 400."""
        holder = cardholder_of(request)
        month = month_for(holder, request.query_params.get("month", ""))
        notice = sent_notice(holder, month)
        answer = {
            "month": f"{month:%Y-%m}",
            "is_over": month < current_month(holder),
            "sent_at": notice.created_at if notice else None,
            "currencies": [_section(each) for each in reports_of(holder, month)],
        }
        return Response(MonthlyReportSerializer(answer).data)


def _section(report: Report) -> dict[str, Any]:
    names = (
        "currency",
        "purchases",
        "spent",
        "unknown",
        "earned",
        "baseline",
        "baseline_card",
        "benefit",
        "most",
        "left",
    )
    return {
        **{name: getattr(report, name) for name in names},
        "base_rates_only": report.base_rates_only,
        "cards": report.cards,
        "missed_activations": report.activations,
        "missed_cards": report.new_cards,
    }
