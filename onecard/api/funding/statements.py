"""Statements of a funding card: the person gives the file, and sees what was really earned beside what was expected."""

import datetime as dt
import uuid
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.models import CardStatement
from issuing.statements import importing, report, unmatched
from issuing.statements.report import Report, RuleSum
from onecard.api.access import actor_of, cardholder_of, own
from onecard.api.fields import plain
from onecard.api.idempotency import idempotent
from onecard.api.view import ApiView
from onecard.kit import clock
from wallet.models import FundingMethod

UNITS: Final = ("money", "points")


class StatementUpload(serializers.Serializer[Any]):
    """One file of a form (multipart/form-data)."""

    file = serializers.FileField(
        max_length=255,
        help_text="CSV of at most 1 MB with the columns date, amount and reward; all others are dropped.",
    )
    rewards_in = serializers.ChoiceField(UNITS, required=False, help_text="By default as the card's terms pay.")


class ImportedSerializer(serializers.Serializer[Any]):
    """What an import did. A file, or a line, that was imported before changes nothing."""

    new_lines = serializers.IntegerField()
    repeated_lines = serializers.IntegerField()
    matched_lines = serializers.IntegerField(help_text="New lines that are purchases or refunds of ours.")


class StatementSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    first_on = serializers.DateField()
    last_on = serializers.DateField()
    lines = serializers.IntegerField(source="line_count")
    imported_at = serializers.DateTimeField()


class RuleSumSerializer(serializers.Serializer[Any]):
    """The purchases of one rule; units as in `rewards_in`."""

    rule = serializers.CharField()
    rate = serializers.CharField(help_text="What was expected, for each whole unit of money.")
    purchases = serializers.IntegerField()
    amount_minor = serializers.IntegerField()
    expected = serializers.CharField()
    earned = serializers.CharField()
    difference = serializers.CharField(help_text="Earned less expected.")


class ElsewhereSerializer(serializers.Serializer[Any]):
    """A line that is no purchase or refund of ours; an amount below zero is a refund."""

    posted_on = serializers.DateField(source="line.posted_on")
    amount_minor = serializers.IntegerField(source="line.amount_minor")
    why = serializers.CharField(help_text="The nearest that it could have been, and why it is not, in a sentence.")


class StatementReportSerializer(serializers.Serializer[Any]):
    """A card's period: what its issuer posted beside what was expected."""

    statements = StatementSerializer(many=True)
    first_on = serializers.DateField(allow_null=True)
    last_on = serializers.DateField(allow_null=True)
    currency = serializers.CharField()
    rewards_in = serializers.ChoiceField(UNITS, help_text="money: in hundredths of the currency's unit.")
    expected = serializers.CharField()
    earned = serializers.CharField()
    difference = serializers.CharField()
    rules = RuleSumSerializer(many=True)
    elsewhere_lines = serializers.IntegerField(help_text="Lines that are no purchase of ours.")
    elsewhere = ElsewhereSerializer(many=True, help_text=f"The first {report.MOST_LISTED} of these lines.")
    missing_charges = serializers.IntegerField(help_text="Our charges that no line is of.")


class PeriodQuery(serializers.Serializer[Any]):
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)


IMPORTED = OpenApiExample(
    "A new file", value={"new_lines": 12, "repeated_lines": 0, "matched_lines": 9}, response_only=True
)
REPORT = OpenApiExample(
    "A month",
    value={
        "statements": [
            {
                "id": "5f7c9ab0-0a4a-4d4b-9c1a-6d6a70b3f6a1", "first_on": "2026-11-01", "last_on": "2026-11-30",
                "lines": 12, "imported_at": "2026-12-01T12:00:00Z",
            }
        ],
        "first_on": "2026-11-01", "last_on": "2026-11-30", "currency": "USD", "rewards_in": "points", "expected": "540",
        "earned": "405", "difference": "-135",
        "rules": [
            {
                "rule": "Bonus dining", "rate": "4", "purchases": 3, "amount_minor": 13500, "expected": "540",
                "earned": "405", "difference": "-135",
            }
        ],
        "elsewhere_lines": 1, "missing_charges": 0,
        "elsewhere": [
            {
                "posted_on": "2026-11-03", "amount_minor": 999,
                "why": "Nothing of ours is 9.99 USD; the nearest of these days is 9.50 USD on Nov. 2, 2026.",
            }
        ],
    },
    response_only=True,
)  # fmt: skip
DAYS = [
    OpenApiParameter("since", dt.date, description="The first day; by default that of the oldest statement."),
    OpenApiParameter("until", dt.date, description="The last day; by default that of the newest statement."),
]


class Statements(ApiView):
    """The statements of one funding card."""

    def get_parsers(self) -> list[Any]:
        return [MultiPartParser()] if self.request and self.request.method == "POST" else super().get_parsers()

    @extend_schema(
        parameters=DAYS, responses=StatementReportSerializer, examples=[REPORT], operation_id="statements_report"
    )
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Compares what the card's issuer posted with what was expected, in a period."""
        card = _card(request, public_id)
        asked = PeriodQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        kept = list(CardStatement.objects.filter(method=card))
        today = clock.local_day(clock.now(), card.cardholder.time_zone)
        first = asked.validated_data.get("since") or min((each.first_on for each in kept), default=today)
        last = asked.validated_data.get("until") or max((each.last_on for each in kept), default=today)
        if first > last:
            raise serializers.ValidationError({"until": ["The last day lies before the first one."]})
        found = report.build(method=card, currency=importing.currency_of(card), first_on=first, last_on=last)
        return Response(StatementReportSerializer(_shown(found, kept)).data)

    @extend_schema(
        request={"multipart/form-data": StatementUpload},
        responses={201: ImportedSerializer},
        examples=[IMPORTED],
        operation_id="statements_import",
    )
    @sensitive_variables("content")
    @idempotent
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        """Imports a file: its days, amounts and rewards are kept, and nothing else of it."""
        card = _card(request, public_id)
        asked = StatementUpload(data=request.data)
        asked.is_valid(raise_exception=True)
        unit = asked.validated_data.get("rewards_in")
        done = importing.import_statement(
            method=card,
            content=asked.validated_data["file"].read(importing.MOST_READ),
            actor=actor_of(request),
            in_money=None if unit is None else unit == "money",
        )
        counts = {"new_lines": done.new, "repeated_lines": done.repeated, "matched_lines": done.matched}
        return Response(counts, status=201)


def _card(request: Request, public_id: uuid.UUID) -> FundingMethod:
    cards = cardholder_of(request).funding_methods.filter(detachment=None).select_related("cardholder", "product")
    return own(cards, public_id=public_id)


def _shown(found: Report, kept: list[CardStatement]) -> dict[str, Any]:
    return {
        "statements": kept,
        "first_on": found.first_on,
        "last_on": found.last_on,
        "currency": found.currency,
        "rewards_in": "money" if found.in_money else "points",
        "expected": plain(found.expected),
        "earned": plain(found.earned),
        "difference": plain(found.difference),
        "rules": [_rule(each) for each in found.rules],
        "elsewhere_lines": len(found.elsewhere),
        "elsewhere": unmatched.explain(found),
        "missing_charges": len(found.missing),
    }


def _rule(each: RuleSum) -> dict[str, Any]:
    return {
        "rule": each.rule.title,
        "rate": plain(each.rule.rate),
        "purchases": len(each.compared),
        "amount_minor": each.amount_minor,
        "expected": plain(each.expected),
        "earned": plain(each.earned),
        "difference": plain(each.difference),
    }
