"""The issuer's door: bytes in, verified event, one call, response out."""

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from rest_framework.request import Request
from rest_framework.views import APIView

from issuing import answers, inbox, signatures
from issuing.authorize import authorize
from issuing.events import REQUEST, Envelope, MalformedEventError, parse_authorization_request, parse_envelope
from issuing.models import Provider
from onecard.kit.clock import Stopwatch

log = logging.getLogger(__name__)

RECEIVED = {"received": True}


class StripeWebhook(APIView):
    """All of Stripe's events: a decision for an authorization request, an acknowledgement for the rest.

    Nothing of DRF that a signed machine-to-machine call does not need stands on this path: the signature over the
    raw bytes is the authentication.
    """

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes: list[Any] = []
    throttle_classes: list[Any] = []

    def post(self, request: Request) -> HttpResponse:
        watch = Stopwatch()
        raw: HttpRequest = request._request  # noqa: SLF001  (DRF's own attribute; its parsers must not see the body)
        try:
            body = raw.body
            signatures.verify_stripe(body, raw.headers.get("Stripe-Signature", ""), settings.STRIPE_WEBHOOK_SECRETS)
        except RequestDataTooBig:
            return _refusal(f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.", status=413)
        except UnreadablePostError:
            return _refusal("The body ended before it was complete.", status=400)
        except signatures.SignatureError as error:
            return _refusal(error.message, status=400)
        watch.lap("verify")
        return _respond(body, watch)


def _respond(body: bytes, watch: Stopwatch) -> HttpResponse:
    try:
        envelope = parse_envelope(body)
    except MalformedEventError as error:
        _keep_rejected(body, error.message)
        return _refusal(error.message, status=400)
    if envelope.type == REQUEST:
        return _decide(envelope, body, watch)
    try:
        inbox.receive(Provider.STRIPE, envelope, body)
    except DatabaseError:
        # Not acknowledged, so that the issuer sends it again.
        return _refusal("The event cannot be stored now; send it again.", status=503)
    return JsonResponse(RECEIVED)


def _decide(envelope: Envelope, body: bytes, watch: Stopwatch) -> HttpResponse:
    try:
        asked = parse_authorization_request(Provider.STRIPE, envelope)
    except MalformedEventError as error:
        _keep_rejected(body, error.message, envelope)
        return _answer(answers.bare_decline("malformed_request"), watch)
    watch.lap("decode")
    return _answer(authorize(asked, body=body, watch=watch), watch)


def _answer(body: bytes, watch: Stopwatch) -> HttpResponse:
    response = HttpResponse(body, content_type="application/json")
    response["Stripe-Version"] = settings.STRIPE_API_VERSION
    steps = [f"{name};dur={duration}" for name, duration in watch.steps_ms.items()]
    response["Server-Timing"] = ", ".join([*steps, f"total;dur={watch.elapsed_ms:.3f}"])
    return response


def _keep_rejected(body: bytes, reason: str, envelope: Envelope | None = None) -> None:
    try:
        inbox.keep_rejected(Provider.STRIPE, body, reason, envelope)
    except DatabaseError:
        log.exception("a malformed event could not be kept: %s", reason)


def _refusal(sentence: str, *, status: int) -> HttpResponse:
    return JsonResponse({"error": sentence}, status=status)
