"""Which card would pay at a merchant, before one buys there: the ranking with its reasons, and nothing is stored."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import cardholder_of
from onecard.api.activity import explanation
from onecard.api.activity.preview_requests import PreviewQuery, PreviewRequest
from onecard.api.fields import plain
from onecard.api.view import ApiView
from onecard.kit import display
from onecard.kit.money import Money
from routing import preview
from routing.engine import Method
from routing.models import MerchantCategory
from wallet.models import Cardholder

EXAMPLE = OpenApiExample(
    "Dinner for 45 USD", value={"mcc": "5812", "amount": {"amount_minor": 4500, "currency": "USD"}}, request_only=True
)
WHAT_IF = OpenApiExample(
    "Groceries online in France next month, if I also had this card",
    value={
        "mcc": "5411",
        "merchant": "Carrefour",
        "amount": {"amount_minor": 9000, "currency": "USD"},
        "date": "2026-12-24",
        "country": "FR",
        "channel": "online",
        "products": ["chase-sapphire-reserve"],
    },
    request_only=True,
)


class StrategySerializer(serializers.Serializer[Any]):
    """What one strategy would take."""

    strategy = serializers.ChoiceField(["value", "cash", "rewards"])
    is_in_force = serializers.BooleanField(help_text="Whether this one decides the person's purchases today.")
    would_pay = serializers.BooleanField()
    earned = serializers.CharField(
        allow_null=True,
        help_text="What its card earns by the card's terms, after caps and the foreign fee, in whole units; "
        "the same measure for every strategy.",
    )
    explanation = explanation.ExplanationSerializer()


class PreviewSerializer(serializers.Serializer[Any]):
    mcc = serializers.CharField()
    category = serializers.CharField(help_text="In words; empty for an MCC that we do not know.")
    would_pay = serializers.BooleanField(help_text="Whether any card could be charged.")
    explanation = explanation.ExplanationSerializer(help_text="By the strategy that is in force.")
    strategies = StrategySerializer(many=True, help_text="By each strategy, the one that counts money first.")


class RoutingPreview(ApiView):
    """A question that changes nothing, so it needs no idempotency key."""

    throttle_scope = "preview"

    @extend_schema(parameters=[PreviewQuery], responses=PreviewSerializer, operation_id="routing_preview_read")
    def get(self, request: Request) -> Response:
        """Answers as the POST does, for what the address asks; lists are parameters that are repeated."""
        return self._answer(request, PreviewQuery(data=request.query_params))

    @extend_schema(
        request=PreviewRequest, responses=PreviewSerializer, examples=[EXAMPLE, WHAT_IF], operation_id="routing_preview"
    )
    def post(self, request: Request) -> Response:
        """Ranks the person's cards for a purchase as the decision would, with what each earns, by each strategy."""
        return self._answer(request, PreviewRequest(data=request.data))

    def _answer(self, request: Request, asked: PreviewQuery | PreviewRequest) -> Response:
        asked.is_valid(raise_exception=True)
        holder, given = cardholder_of(request), asked.validated_data
        amount = Money(**given["amount"])
        methods = _cards(holder, given, amount.currency)
        purchase = preview.purchase_on(
            holder.time_zone, given.get("date"), mcc=given["mcc"], currency=amount.currency,
            merchant=given.get("merchant", ""), amount_minor=amount.minor, country=given.get("country", ""),
            is_online=given.get("channel") == "online",
        )  # fmt: skip
        person = preview.person_of(holder, purchase.at)
        answers = preview.compare(purchase, methods, in_force=holder.preference, person=person)
        return Response(_rendered(given["mcc"], answers, amount))


def _cards(holder: Cardholder, given: dict[str, Any], currency: str) -> list[Method]:
    """Returns the cards of the wallet, or those of them that were named, and those that the person would have."""
    wallet, wanted = preview.wallet_of(holder), given.get("funding_cards")
    if wanted is not None:
        by_id = {each.public_id: each for each in wallet}
        if any(each not in by_id for each in wanted):
            raise serializers.ValidationError({"funding_cards": ["One of them is not in this wallet."]})
        wallet = [each for each in wallet if each.public_id in wanted]
    methods = [preview.method_of(each) for each in wallet]
    return [*methods, *preview.as_if_held(given.get("products", []), currency=currency, behind=methods)]


def _rendered(mcc: str, answers: list[preview.Answer], amount: Money) -> dict[str, Any]:
    known = MerchantCategory.objects.filter(code=mcc).first()
    strategies = [_strategy(each, amount) for each in answers]
    in_force = next(each for each in strategies if each["is_in_force"])
    return {
        "mcc": mcc,
        "category": known.description if known else "",
        "would_pay": in_force["would_pay"],
        "explanation": in_force["explanation"],
        "strategies": strategies,
    }


def _strategy(answer: preview.Answer, amount: Money) -> dict[str, Any]:
    earned = answer.earned
    return {
        "strategy": answer.strategy,
        "is_in_force": answer.is_in_force,
        "would_pay": answer.choice.method is not None,
        "earned": None if earned is None else plain(display.rounded(earned, amount.currency, finer_by=1)),
        "explanation": explanation.render(answer.explanation, amount=amount),
    }
