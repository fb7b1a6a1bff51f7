"""A person's own rules, which go before the optimiser of preference value: in their order, and tried without effect."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import actor_of, cardholder_of, own
from onecard.api.activity import explanation
from onecard.api.activity.preview_requests import PurchaseRequest
from onecard.api.etags import check_unchanged, tagged, version_of
from onecard.api.idempotency import idempotent
from onecard.api.view import ApiView
from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from routing import personal_rules
from routing.explanation import explain
from routing.models import PersonalRule
from wallet.models import Cardholder


class RuleSerializer(serializers.Serializer[Any]):
    """One rule about one card. A condition that is null or empty covers every purchase; all that are set must hold."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    position = serializers.IntegerField(
        required=False, min_value=1, max_value=1000, help_text="From 1: the first rule that can decide does."
    )
    action = serializers.ChoiceField(PersonalRule.Action.choices)
    funding_card = serializers.UUIDField(source="method.public_id", help_text="A card of the wallet.")
    merchants = serializers.ListField(
        child=serializers.CharField(max_length=120), required=False, help_text="Beginnings of merchants' names."
    )
    above_minor = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=MAX_AMOUNT_MINOR)
    is_foreign = serializers.BooleanField(required=False, allow_null=True, help_text="true: abroad only.")
    counts_from = serializers.DateField(required=False, allow_null=True)
    until = serializers.DateField(required=False, allow_null=True, help_text="The last day.")
    target_minor = serializers.IntegerField(
        required=False, min_value=0, max_value=MAX_AMOUNT_MINOR, help_text="For reach_a_spend_target; else 0."
    )


class RuleChange(RuleSerializer):
    """What is to be another way; what is left out stays."""

    action = serializers.ChoiceField(PersonalRule.Action.choices, required=False)
    funding_card = serializers.UUIDField(source="method.public_id", required=False, help_text="A card of the wallet.")


class OverlapSerializer(serializers.Serializer[Any]):
    """Two rules that may meet at one purchase and contradict each other: the first one decides."""

    first = serializers.UUIDField()
    second = serializers.UUIDField()


class RulesSerializer(serializers.Serializer[Any]):
    results = RuleSerializer(many=True)
    overlaps = OverlapSerializer(many=True)


class TryRequest(RuleSerializer, PurchaseRequest):
    """A rule as it would be, and a purchase as the preview takes it."""

    instead_of = serializers.UUIDField(required=False, help_text="The rule that it would replace.")


SHOWN = {
    "id": "7b0a5b2e-5f6c-4b52-9a44-0f8a3f6c1d11",
    "position": 1,
    "action": "use_this_card",
    "funding_card": "4f7c9ab0-0a4a-4d4b-9c1a-6d6a70b3f6a1",
    "merchants": ["Costco"],
    "above_minor": None,
    "is_foreign": None,
    "counts_from": None,
    "until": None,
    "target_minor": 0,
}
ONE = OpenApiExample("Costco on this card", value=SHOWN, response_only=True)
NEW = OpenApiExample(
    "Costco on this card",
    value={"action": "use_this_card", "funding_card": SHOWN["funding_card"], "merchants": ["Costco"]},
    request_only=True,
)
CHANGE = OpenApiExample("Only above 10 USD", value={"above_minor": 1000}, request_only=True)
ALL = OpenApiExample("One rule", value={"results": [SHOWN], "overlaps": []}, response_only=True)
TRY = OpenApiExample(
    "Would it decide?",
    value={
        "action": "never_this_card",
        "funding_card": SHOWN["funding_card"],
        "mcc": "5812",
        "amount": {"amount_minor": 4500, "currency": "USD"},
    },
    request_only=True,
)


class Rules(ApiView):
    """The person's rules. They count where purchases are decided by value."""

    @extend_schema(responses=RulesSerializer, examples=[ALL], operation_id="personal_rules_list")
    def get(self, request: Request) -> Response:
        """Lists the rules in their order, and which of them contradict each other."""
        return _all(cardholder_of(request))

    @extend_schema(
        request=RuleSerializer,
        responses={201: RuleSerializer},
        examples=[ONE, NEW],
        operation_id="personal_rules_create",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Adds a rule, behind the others unless `position` says otherwise."""
        asked = RuleSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        holder = cardholder_of(request)
        rule = personal_rules.add(holder, actor=actor_of(request), **_values(holder, asked.validated_data))
        return Response(RuleSerializer(rule).data, status=201)


class Rule(ApiView):
    """One of the person's rules."""

    if_match_methods = ("PATCH",)
    etag_methods = ("GET", "PATCH")

    @extend_schema(responses=RuleSerializer, examples=[ONE], operation_id="personal_rules_read")
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Shows a rule; the ETag is for a change."""
        return _show(_own(request, public_id))

    @extend_schema(
        request=RuleChange,
        responses=RuleSerializer,
        examples=[ONE, CHANGE],
        operation_id="personal_rules_change",
    )
    def patch(self, request: Request, public_id: uuid.UUID) -> Response:
        """Changes a rule, or moves it to another place."""
        asked = RuleChange(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        holder, rule = cardholder_of(request), _own(request, public_id)
        values = _values(holder, asked.validated_data)
        changed = personal_rules.change(
            rule, actor=actor_of(request), check=lambda fresh: check_unchanged(request, _version(fresh)), **values
        )
        return _show(changed)

    @extend_schema(responses={204: None}, operation_id="personal_rules_remove")
    def delete(self, request: Request, public_id: uuid.UUID) -> Response:
        """Removes a rule."""
        personal_rules.remove(_own(request, public_id), actor=actor_of(request))
        return Response(status=204)


class RuleTrial(ApiView):
    """A question that changes nothing."""

    throttle_scope = "preview"

    @extend_schema(
        request=TryRequest,
        responses=explanation.ExplanationSerializer,
        examples=[TRY],
        operation_id="personal_rules_try",
    )
    def post(self, request: Request) -> Response:
        """Shows which card would pay if the rule were there."""
        asked = TryRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        holder, given = cardholder_of(request), asked.validated_data
        amount = Money(**given["amount"])
        rule = {name: given[name] for name in personal_rules.FIELDS if name in given}
        values = {"merchants": [], "target_minor": 0} | _values(holder, rule)
        old = _own(request, given["instead_of"]) if "instead_of" in given else None
        choice, trace = personal_rules.attempt(
            holder, values=values, instead_of=old, mcc=given["mcc"], currency=amount.currency,
            merchant=given.get("merchant", ""), amount_minor=amount.minor,
        )  # fmt: skip
        return Response(explanation.render(explain(trace, rule=choice.rule, amount=amount), amount=amount))


def _values(holder: Cardholder, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the columns that were given, with the card as a row of the wallet."""
    values = {name: value for name, value in given.items() if name != "method"}
    if "method" in given:
        cards = holder.funding_methods.filter(detachment=None)
        values["method"] = own(cards, public_id=given["method"]["public_id"])
    return values


def _show(rule: PersonalRule) -> Response:
    return tagged(Response(RuleSerializer(rule).data), _version(rule))


def _version(rule: PersonalRule) -> str:
    return version_of(rule.version, rule.position)


def _own(request: Request, public_id: uuid.UUID) -> PersonalRule:
    return own(PersonalRule.objects.filter(cardholder=cardholder_of(request)), public_id=public_id)


def _all(holder: Cardholder) -> Response:
    rules = personal_rules.rules_of_person(holder)
    pairs = [{"first": a.public_id, "second": b.public_id} for a, b in personal_rules.overlaps(rules)]
    return Response(RulesSerializer({"results": rules, "overlaps": pairs}).data)
