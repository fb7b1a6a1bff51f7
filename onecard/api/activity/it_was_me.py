""" "It was me": a person says that a purchase which a control stopped or questioned is theirs, and may pay again."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.activity.purchases import of_cardholder
from issuing.controls import passes, sentences
from issuing.models import Decision
from onecard.api.access import actor_of, cardholder_of, own
from onecard.api.fields import MoneySerializer, money
from onecard.api.idempotency import idempotent
from onecard.api.view import ApiView


class AnswerSerializer(serializers.Serializer[Any]):
    """What follows from it; without a pass only our staff are told."""

    retry_until = serializers.DateTimeField(allow_null=True, help_text="Until then one retry passes that control.")
    up_to = MoneySerializer(allow_null=True, help_text="The retry may cost this much.")
    merchant = serializers.CharField(help_text="Where the retry has to be.")
    noted = serializers.BooleanField(help_text="Our staff, who look at the card, are told.")
    sentence = serializers.CharField(help_text="For the person.")


EXAMPLE = OpenApiExample(
    "Pay again",
    value={
        "retry_until": "2026-11-28T12:10:00Z",
        "up_to": {"amount_minor": 4500, "currency": "USD"},
        "merchant": "Bella Italia",
        "noted": False,
        "sentence": "Pay again at Bella Italia: one purchase up to 45.00 USD passes.",
    },
    response_only=True,
)


class ItWasMe(ApiView):
    """A person's word for one of their purchases."""

    @extend_schema(
        request=None, responses={201: AnswerSerializer}, examples=[EXAMPLE], operation_id="purchases_it_was_me"
    )
    @idempotent
    def post(self, request: Request, purchase_id: str) -> Response:
        """Opens a short window for one retry at the same merchant, up to the same amount; the other rules still hold.

        Refused for a purchase that no such control stopped or questioned, an old one, a second time, and after several
        in a day.
        """
        row = own(of_cardholder(cardholder_of(request)), issuer_authorization_id=purchase_id)
        last = Decision.objects.filter(authorization=row).select_related("authorization__card__cardholder")
        found = passes.answer(last.order_by("-pk").first(), actor=actor_of(request))
        return Response(_shown(found, row.merchant_name), status=201)


def _shown(found: passes.Answered, merchant: str) -> dict[str, Any]:
    opened = found.opened
    return {
        "retry_until": serializers.DateTimeField().to_representation(opened.until) if opened else None,
        "up_to": money(opened.most_minor, opened.decision.currency) if opened else None,
        "merchant": merchant,
        "noted": found.noted,
        "sentence": sentences.after_answer(opened, merchant),
    }
