"""The first step of adding a funding card: a secret for the processor's own form, which takes the number."""

import uuid
from typing import Any

from django.conf import settings
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from onecard.api.access import actor_of, cardholder_of
from onecard.api.idempotency import idempotent_secret
from onecard.api.view import ApiView
from wallet.methods import setups


class SetupSerializer(serializers.Serializer[Any]):
    """What the processor's form needs to save a card."""

    setup = serializers.CharField(help_text="Its id (seti_…): POST /funding-cards names it once the form is done.")
    client_secret = serializers.CharField(help_text="For the form on this device only; never store or log it.")
    publishable_key = serializers.CharField(help_text="The processor's key for forms; empty if it was not set up.")


EXAMPLE = OpenApiExample(
    "A setup for Stripe's form",
    value={
        "setup": "seti_1S769SQLFtcEJSwHLTAnsvQe",
        "client_secret": "seti_1S769SQLFtcEJSwHLTAnsvQe_secret_T3CgWDrN0e0AMe",
        "publishable_key": "pk_test_51S6NQLFtcEJSwH",
    },
    response_only=True,
)


class FundingCardSetups(ApiView):
    """Setups of funding cards. The card's number goes from the form to the processor, and never comes here."""

    throttle_scope = "outside"

    @extend_schema(
        request=None, responses={201: SetupSerializer}, examples=[EXAMPLE], operation_id="funding_card_setups_create"
    )
    @sensitive_variables()
    @idempotent_secret
    def post(self, request: Request, *, request_id: uuid.UUID) -> Response:
        """Begins to add a card. The secret is stored nowhere: a repeat under the same key fetches it again."""
        made = setups.begin(cardholder_of(request), request_id=request_id, actor=actor_of(request))
        answer = {
            "setup": made.setup_id,
            "client_secret": made.client_secret,
            "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        }
        return Response(answer, status=201)
