"""Marqeta's JIT gateway: answers authorization requests. 200 approves, 402 declines, any other status is an error."""

import logging
import uuid

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpResponse
from rest_framework.request import Request

from issuing.authorizations.authorize import authorize
from issuing.inbox import deliveries as inbox
from issuing.inbox import log_ids
from issuing.issuers.marqeta.answers import MarqetaAnswers
from issuing.issuers.marqeta.events import (
    AmountError,
    gateway_envelope,
    jit_funding,
    parse_gateway_request,
    read_object,
)
from issuing.issuers.marqeta.jit_methods import APPROVABLE, CASH, INFORMATIVE
from issuing.issuers.messages import Envelope, MalformedEventError
from issuing.models import Provider
from issuing.webhooks import refused_signatures, request_age, signatures
from issuing.webhooks.event_loop import IN_DOUBT
from issuing.webhooks.view import MachineDoor, UnreadableError, briefly, keep_rejected, plain, read_body, refusal, timed
from onecard.kit.clock import Stopwatch

log = logging.getLogger(__name__)


class MarqetaGateway(MachineDoor):
    """Decides each request and echoes each notice. Basic authentication, because the gateway signs nothing."""

    def post(self, request: Request) -> HttpResponse:
        raw = plain(request)
        # The gateway signs no time, so a request's age counts from its arrival.
        watch = request_age.watch_for(raw)
        try:
            signatures.verify_basic(
                raw.headers.get("Authorization", ""),
                username=settings.MARQETA_JIT_USERNAME,
                password=settings.MARQETA_JIT_PASSWORD,
            )
            body = read_body(raw)
        except signatures.SignatureError as error:
            refused_signatures.note(Provider.MARQETA)
            return unauthorized(error.message)
        except UnreadableError as error:
            return refusal(error.message, status=error.status)
        watch.lap("verify")
        return timed(_respond(body, watch, raw.META.get(IN_DOUBT, [])), watch)


def unauthorized(sentence: str) -> HttpResponse:
    """Returns the refusal of a caller without valid credentials."""
    response = refusal(sentence, status=401)
    response["WWW-Authenticate"] = 'Basic realm="Marqeta", charset="UTF-8"'
    return response


def _respond(body: bytes, watch: Stopwatch, in_doubt: list[uuid.UUID]) -> HttpResponse:
    try:
        content = read_object(body)
    except MalformedEventError as error:
        keep_rejected(Provider.MARQETA, body, error.message)
        return refusal(error.message, status=400)
    jit = jit_funding(content)
    answers, envelope = MarqetaAnswers.to(jit), gateway_envelope(content)
    if envelope is None:
        keep_rejected(Provider.MARQETA, body, "jit_funding.token is missing or no token.")
        return _answer(answers.bare_decline("malformed_request"), approves=False)
    log_ids.bind_event(Provider.MARQETA, envelope)
    method = jit.get("method") if isinstance(jit.get("method"), str) else ""
    if method in APPROVABLE | CASH:
        return _decide(envelope, answers, body, watch, in_doubt)
    if method in INFORMATIVE:
        _keep(envelope, body, "The gateway was only informed; the webhook brings the same.")
        return _answer(answers.acknowledgement(), approves=True)
    _keep(envelope, body, "A method that is never approved.")
    return _answer(answers.bare_decline("method_not_permitted"), approves=False)


def _decide(
    envelope: Envelope, answers: MarqetaAnswers, body: bytes, watch: Stopwatch, in_doubt: list[uuid.UUID]
) -> HttpResponse:
    try:
        asked = parse_gateway_request(envelope)
    except MalformedEventError as error:
        keep_rejected(Provider.MARQETA, body, error.message, envelope)
        reason = "invalid_amount" if isinstance(error, AmountError) else "malformed_request"
        return _answer(answers.bare_decline(reason), approves=False)
    watch.lap("decode")
    response = authorize(asked, body=body, watch=watch, in_doubt=in_doubt)
    return _answer(response, approves=answers.is_approval(response))


def _keep(envelope: Envelope, body: bytes, reason: str) -> None:
    try:
        with briefly():
            inbox.keep(Provider.MARQETA, envelope, body, reason)
    except DatabaseError:
        log.exception("a gateway message could not be kept: %s", reason)


def _answer(body: bytes, *, approves: bool) -> HttpResponse:
    return HttpResponse(body, content_type="application/json", status=200 if approves else 402)
