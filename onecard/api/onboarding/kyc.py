"""The identity check of a person: what is missing, where it stands, and how it came there."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import actor_of, cardholder_of, user_of
from onecard.api.idempotency import idempotent
from onecard.api.view import ApiView
from wallet.kyc import identity_status, review
from wallet.models import Cardholder, KycStatus

EXAMPLE = OpenApiExample(
    "Something is asked for",
    value={
        "status": "needs_more",
        "sentence": "We need something more of you before the card works.",
        "missing": [],
        "asked": ["Your name differs from that on your passport: correct it."],
        "may_submit": True,
        "verified_until": None,
        "history": [
            {"status": "needs_more", "reason": "Your name differs from that on your passport: correct it.",
             "at": "2026-11-28T16:00:00Z"},
            {"status": "pending", "reason": "Submitted for a check.", "at": "2026-11-28T15:00:00Z"},
        ],
    },
    response_only=True,
)  # fmt: skip


class MoveSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=KycStatus.choices)
    reason = serializers.CharField()
    at = serializers.DateTimeField()


class KycSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=KycStatus.choices, help_text="Only `verified` may spend.")
    sentence = serializers.CharField(help_text="Where it stands, for the person.")
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="Fields of the profile that are missing, such as birth_date."
    )
    asked = serializers.ListField(child=serializers.CharField(), help_text="What is asked for, in sentences.")
    may_submit = serializers.BooleanField(help_text="Whether POST would be accepted now.")
    verified_until = serializers.DateTimeField(allow_null=True, help_text="After that the person is asked again.")
    history = MoveSerializer(many=True, help_text="The newest first; 20 at most.")


class Kyc(ApiView):
    @extend_schema(responses=KycSerializer, examples=[EXAMPLE], operation_id="kyc")
    def get(self, request: Request) -> Response:
        """Says where the identity check stands and what is missing, in words."""
        user = user_of(request)
        holder = Cardholder.objects.select_related("user").filter(user=user).first()
        return Response(render(holder or Cardholder(user=user)))

    @extend_schema(request=None, responses=KycSerializer, examples=[EXAMPLE], operation_id="kyc_submit")
    @idempotent
    def post(self, request: Request) -> Response:
        """Submits the profile for the check; a profile that lacks something is refused, and `errors` names it."""
        submitted = review.submit(cardholder_id=cardholder_of(request).pk, actor=actor_of(request))
        return Response(render(submitted))


def render(holder: Cardholder) -> dict[str, Any]:
    """Returns where a person's check stands, in the form of KycSerializer."""
    return dict(KycSerializer(identity_status.of(holder)).data)
