"""The files that a person gives as evidence of a dispute."""

import uuid
from typing import Any

from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.disputes import evidence
from onecard.api.access import user_of
from onecard.api.disputes.requests import EvidenceSerializer, own_dispute, render_evidence
from onecard.api.idempotency import idempotent
from onecard.api.view import ApiView

EXAMPLE = OpenApiExample(
    "A letter",
    value={
        "id": "5f7c9ab0-0a4a-4d4b-9c1a-6d6a70b3f6a1", "name": "letter to the shop.pdf", "kind": "application/pdf",
        "size_bytes": 48213, "created_at": "2026-11-28T12:00:00Z",
    },
    response_only=True,
)  # fmt: skip


class EvidenceUpload(serializers.Serializer[Any]):
    """One file of a form (multipart/form-data)."""

    file = serializers.FileField(max_length=255, help_text="A PDF, a PNG or a JPEG of at most 5 MB; at most 5 files.")


class Evidence(ApiView):
    """The evidence of one dispute."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        request={"multipart/form-data": EvidenceUpload},
        responses={201: EvidenceSerializer},
        examples=[EXAMPLE],
        operation_id="disputes_add_evidence",
    )
    @sensitive_variables("content")
    @idempotent
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        """Adds a file while our staff review the dispute; it is stored encrypted, and only staff can read it."""
        found = own_dispute(request, public_id)
        body = EvidenceUpload(data=request.data)
        body.is_valid(raise_exception=True)
        file = body.validated_data["file"]
        made = evidence.add(
            request=found, name=str(file.name), content=file.read(), actor=f"user:{user_of(request).pk}"
        )
        return Response(render_evidence(made), status=201)
