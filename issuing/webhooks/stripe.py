"""Stripe's webhook: verifies the bytes, decides an authorization request, stores every other event."""

import uuid

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from issuing.authorizations import foreign_requests
from issuing.authorizations.authorize import authorize
from issuing.inbox import deliveries as inbox
from issuing.inbox import log_ids
from issuing.issuers.messages import Envelope, MalformedEventError
from issuing.issuers.stripe.answers import STRIPE
from issuing.issuers.stripe.events import REQUEST, parse_authorization_request, parse_envelope
from issuing.issuers.stripe.foreign_events import why_not_ours
from issuing.models import Provider
from issuing.webhooks import refused_signatures, request_age, signatures
from issuing.webhooks.event_loop import IN_DOUBT
from issuing.webhooks.view import (
    MachineDoor,
    UnreadableError,
    briefly,
    keep_rejected,
    keep_unreadable,
    plain,
    read_body,
    refusal,
    timed,
)
from onecard.kit.clock import Stopwatch

RECEIVED = {"received": True}


class StripeWebhook(MachineDoor):
    """Takes all of Stripe's events: decides authorization requests and acknowledges the rest.

    The signature over the raw bytes is the authentication.
    """

    def post(self, request: Request) -> HttpResponse:
        raw = plain(request)
        watch = request_age.watch_for(raw)
        try:
            body = read_body(raw)
            header = raw.headers.get("Stripe-Signature", "")
            signed_at = signatures.verify_stripe(body, header, settings.STRIPE_WEBHOOK_SECRETS)
        except UnreadableError as error:
            return refusal(error.message, status=error.status)
        except signatures.SignatureError as error:
            refused_signatures.note(Provider.STRIPE)
            return refusal(error.message, status=400)
        watch.lap("verify")
        return _respond(body, signed_at, watch, raw.META.get(IN_DOUBT, []))


def _respond(body: bytes, signed_at: int, watch: Stopwatch, in_doubt: list[uuid.UUID]) -> HttpResponse:
    try:
        envelope = parse_envelope(body)
    except MalformedEventError as error:
        keep_unreadable(Provider.STRIPE, body, error.message)
        return refusal(error.message, status=400)
    log_ids.bind_event(Provider.STRIPE, envelope)
    if envelope.type == REQUEST:
        request_age.count_signature(watch, signed_at)
        return _decide(envelope, body, watch, in_doubt)
    if request_age.is_overload(watch):
        return refusal("There is too much to do now; send the event again.", status=503)
    try:
        with briefly():
            inbox.receive(Provider.STRIPE, envelope, body)
    except DatabaseError:
        # Not acknowledged, so that the issuer sends it again.
        return refusal("The event cannot be stored now; send it again.", status=503)
    return JsonResponse(RECEIVED)


def _decide(envelope: Envelope, body: bytes, watch: Stopwatch, in_doubt: list[uuid.UUID]) -> HttpResponse:
    try:
        asked = parse_authorization_request(Provider.STRIPE, envelope)
    except MalformedEventError as error:
        keep_rejected(Provider.STRIPE, body, error.message, envelope)
        return _answer(STRIPE.bare_decline("malformed_request"), watch)
    watch.lap("decode")
    why = why_not_ours(envelope)
    if why:
        with briefly():
            return _answer(foreign_requests.refuse(asked, why, envelope, body, watch), watch)
    return _answer(authorize(asked, body=body, watch=watch, in_doubt=in_doubt), watch)


def _answer(body: bytes, watch: Stopwatch) -> HttpResponse:
    response = HttpResponse(body, content_type="application/json")
    response["Stripe-Version"] = settings.STRIPE_API_VERSION
    return timed(response, watch)
