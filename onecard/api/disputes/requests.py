"""A person disputes a purchase, follows the dispute to its end, or withdraws it."""

import uuid
from typing import Any, Final

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.activity import disputes, purchases
from issuing.disputes import requests
from issuing.models import DisputeEvidence, DisputeRequest
from onecard.api.access import cardholder_of, own, user_of
from onecard.api.fields import MoneySerializer, money
from onecard.api.idempotency import idempotent
from onecard.api.view import ApiView
from onecard.kit.money import Money
from onecard.kit.text import normalized_lines

SHORTEST_TEXT: Final = 10


class EvidenceSerializer(serializers.Serializer[Any]):
    """A file that was given; its content can be read by our staff only."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=DisputeEvidence.Kind.choices)
    size_bytes = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class DisputeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    purchase = serializers.CharField(help_text="The purchase, as /api/v1/purchases calls it.")
    transaction = serializers.CharField(help_text="The disputed capture, as /api/v1/transactions calls it.")
    reason = serializers.ChoiceField(choices=DisputeRequest.Reason.choices)
    text = serializers.CharField()
    amount = MoneySerializer(help_text="What is disputed.")
    status = serializers.ChoiceField(choices=disputes.STATUSES)
    sentence = serializers.CharField(help_text="Where it stands, for the person.")
    due_at = serializers.DateTimeField(help_text="After this the card network takes no dispute of the purchase.")
    evidence = EvidenceSerializer(many=True)
    created_at = serializers.DateTimeField()


class DisputeDetailSerializer(DisputeSerializer):
    came_back = MoneySerializer(help_text="What the merchant has given back for good.")
    provisional = MoneySerializer(help_text="What came back for as long as the dispute lasts.")


class NewDispute(serializers.Serializer[Any]):
    """Why a purchase is disputed; without an amount, all that is left of it."""

    reason = serializers.ChoiceField(choices=DisputeRequest.Reason.choices)
    text = serializers.CharField(
        min_length=SHORTEST_TEXT, max_length=2000, help_text="What happened, in the person's words."
    )
    amount = MoneySerializer(required=False, help_text="In the currency of the capture.")
    transaction = serializers.CharField(
        required=False, max_length=120, help_text="Which capture, if the merchant took money several times."
    )

    def validate_text(self, text: str) -> str:
        """Invisible characters are left out when it is stored, and say nothing."""
        if len(normalized_lines(text)) < SHORTEST_TEXT:
            raise serializers.ValidationError(f"Write at least {SHORTEST_TEXT} characters.")
        return text


SHOWN = {
    "id": "0b0f5a52-7a38-4c55-8a51-6f4d2e3b1c00", "purchase": "iauth_1S769SQLFtcEJSwHLTAnsvQe",
    "transaction": "ipi_1S769S", "reason": "not_received", "text": "The parcel never arrived.",
    "amount": {"amount_minor": 4500, "currency": "USD"}, "status": "requested",
    "sentence": disputes.SENTENCES[disputes.REQUESTED], "due_at": "2027-03-18T12:00:00Z", "evidence": [],
    "created_at": "2026-11-28T12:00:00Z",
}  # fmt: skip
NOTHING = {"amount_minor": 0, "currency": "USD"}
LISTED = OpenApiExample("A dispute under review", value=SHOWN, response_only=True)
EXAMPLE = OpenApiExample(
    "A dispute under review", value={**SHOWN, "came_back": NOTHING, "provisional": NOTHING}, response_only=True
)
ASKED = OpenApiExample(
    "A parcel that never arrived",
    value={"reason": "not_received", "text": "The parcel never arrived, and the shop does not answer."},
    request_only=True,
)


class PurchaseDisputes(ApiView):
    """The disputes of one purchase."""

    @extend_schema(
        request=NewDispute,
        responses={201: DisputeDetailSerializer},
        examples=[ASKED, EXAMPLE],
        operation_id="disputes_open",
    )
    @idempotent
    def post(self, request: Request, purchase_id: str) -> Response:
        """Disputes a purchase of which the merchant took money: our staff review it and submit it to the network."""
        holder = cardholder_of(request)
        purchase = own(purchases.of_cardholder(holder), issuer_authorization_id=purchase_id)
        body = NewDispute(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        amount = asked.get("amount")
        made = requests.open_request(
            holder=holder,
            purchase=purchase,
            reason=asked["reason"],
            text=asked["text"],
            amount=Money(amount["minor"], amount["currency"]) if amount else None,
            capture_id=asked.get("transaction", ""),
        )
        return Response(detail(made), status=201)


class Disputes(ApiView, ListAPIView[DisputeRequest]):
    """A person's disputes, the newest first."""

    queryset = DisputeRequest.objects.none()
    serializer_class = DisputeSerializer

    def get_queryset(self) -> QuerySet[DisputeRequest]:
        return disputes.of_cardholder(cardholder_of(self.request))

    @extend_schema(examples=[LISTED], operation_id="disputes_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Lists the disputes that the person asked for, in pages."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([render(each) for each in page or []])


class Dispute(ApiView):
    """One dispute."""

    @extend_schema(responses=DisputeDetailSerializer, examples=[EXAMPLE], operation_id="disputes_read")
    def get(self, request: Request, public_id: uuid.UUID) -> Response:
        """Shows where a dispute stands, until when it can be submitted, its evidence, and what it moved."""
        return Response(detail(own_dispute(request, public_id)))


class Withdrawal(ApiView):
    """The withdrawal of a dispute by the person."""

    @extend_schema(
        request=None, responses=DisputeDetailSerializer, examples=[EXAMPLE], operation_id="disputes_withdraw"
    )
    @idempotent
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        """Withdraws a dispute that our staff have not submitted yet."""
        found = own_dispute(request, public_id)
        requests.withdraw(request=found, actor=f"user:{user_of(request).pk}")
        return Response(detail(own_dispute(request, public_id)))


def own_dispute(request: Request, public_id: uuid.UUID) -> DisputeRequest:
    """Returns a dispute of the caller's own; raises NotFound."""
    return own(disputes.of_cardholder(cardholder_of(request)), public_id=public_id)


def render(row: DisputeRequest) -> dict[str, Any]:
    """Returns a dispute in the form of DisputeSerializer."""
    return {
        "id": str(row.public_id),
        "purchase": row.authorization.issuer_authorization_id,
        "transaction": row.transaction.issuer_transaction_id,
        "reason": row.reason,
        "text": row.text,
        "amount": money(row.amount_minor, row.currency),
        "status": disputes.status(row),
        "sentence": disputes.sentence(row),
        "due_at": _time(row.due_at),
        "evidence": [render_evidence(each) for each in row.evidence.all()],
        "created_at": _time(row.created_at),
    }


def detail(row: DisputeRequest) -> dict[str, Any]:
    """Returns a dispute in the form of DisputeDetailSerializer."""
    moved = disputes.moved(row)
    return {
        **render(row),
        "came_back": money(moved.came_back.minor, moved.came_back.currency),
        "provisional": money(moved.provisional.minor, moved.provisional.currency),
    }


def render_evidence(row: DisputeEvidence) -> dict[str, Any]:
    """Returns a file in the form of EvidenceSerializer; never its content."""
    return {
        "id": str(row.public_id),
        "name": row.name,
        "kind": row.kind,
        "size_bytes": row.size_bytes,
        "created_at": _time(row.created_at),
    }


def _time(moment: Any) -> str | None:
    return serializers.DateTimeField().to_representation(moment)
