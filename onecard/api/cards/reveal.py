"""The secret with which a cardholder's own device fetches the number of their card."""

import uuid

from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from issuing.card_data.reveal import NonceError, grant_to_cardholder
from issuing.issuers.base import RevealGrant
from onecard.api.access import user_of
from onecard.api.view import ApiView, body_of


class RevealRequest(serializers.Serializer[None]):
    """Stripe's own nonce of this device; other issuers need none."""

    nonce = serializers.CharField(required=False, allow_blank=True)


class RevealAnswer(serializers.Serializer[RevealGrant]):
    """A secret for the issuer's own form; it opens one card once, and ends soon."""

    kind = serializers.CharField()
    secret = serializers.CharField()
    expires_in_s = serializers.IntegerField()


class RevealToken(ApiView):
    """A short-lived secret with which the cardholder's own device fetches the card's number.

    It asks for no idempotency key: its answer is a secret, and is stored nowhere. A repeat gives another secret.
    """

    throttle_scope = "outside"

    @extend_schema(request=RevealRequest, responses=RevealAnswer)
    @sensitive_variables()
    def post(self, request: Request, public_id: uuid.UUID) -> Response:
        """Gives the secret; refused for a card that is closed or not made yet, and more than ten times an hour."""
        grant = grant_to_cardholder(public_id=public_id, user=user_of(request), nonce=_nonce(request))
        return Response(RevealAnswer(grant).data)


def _nonce(request: Request) -> str:
    nonce = body_of(request).get("nonce", "")
    if not isinstance(nonce, str):
        raise NonceError("The nonce must be text.")
    return nonce
