"""Ordinary authorization requests in the server's event loop: verifies, reads, and has them decided together.

Whatever is not an ordinary request goes on to its issuer's view in a thread (issuing/webhooks/stripe.py,
issuing/webhooks/marqeta_gateway.py), which does all of it.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings

from issuing.authorizations import deadlines, shared_statement, together, turned_away, unknown_commits
from issuing.inbox import log_ids
from issuing.issuers.marqeta.events import gateway_envelope, jit_funding, parse_gateway_request, read_object
from issuing.issuers.marqeta.jit_methods import APPROVABLE, CASH
from issuing.issuers.messages import AuthorizationRequest, MalformedEventError
from issuing.issuers.stripe.events import REQUEST, parse_authorization_request, parse_envelope
from issuing.issuers.stripe.foreign_events import why_not_ours
from issuing.models import Provider
from issuing.stand_in import answers as stand_in
from issuing.webhooks import request_age, shedding, signatures
from issuing.webhooks.shedding import LARGEST_BODY
from onecard.kit.admission import Admission
from onecard.kit.buffered_wsgi import WHEN_SHED, Answer, Headers, json_answer
from onecard.kit.clock import Stopwatch

log = logging.getLogger(__name__)

# The key of the WSGI environment for decisions whose commit has an unknown end.
IN_DOUBT: Final = "onecard.in_doubt"
# Full statements at least; at most what comes next as well, and what is being read and chosen meanwhile. Each who waits
# keeps its body in memory.
UNDER_WAY: Final = together.AT_ONCE * shared_statement.MOST_TOGETHER
admission = Admission(least=UNDER_WAY, most=6 * UNDER_WAY, most_waiting=2000)

Decide = Callable[[AuthorizationRequest, bytes, Stopwatch], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Door:
    """What one issuer's door does in its own way.

    `verify` returns when the issuer signed, None where it signs no time, and raises SignatureError. `read` returns None
    for anything but an authorization request that may be decided. `respond` returns the status and the headers that go
    with an answer. `decline` answers a verified request that cannot be decided in time, with a reason. `mark` is in the
    body of each request that asks.
    """

    verify: Callable[[Mapping[str, str], bytes], int | None]
    read: Callable[[bytes], AuthorizationRequest | None]
    respond: Callable[[AuthorizationRequest, bytes], tuple[int, Headers]]
    decline: Callable[[bytes, str], Answer | None]
    mark: bytes = b""


async def answer(door: Door, headers: Mapping[str, str], body: bytes, arrived_at: float) -> Answer | dict[str, Any]:
    """Returns the answer, or what the view in a thread has to know beside the request; never raises."""
    if door.mark not in body or len(body) > LARGEST_BODY:
        return {}
    watch = request_age.watch_since(arrived_at, headers.get("x-request-start", ""))
    try:
        signed_at = door.verify(headers, body)
    except signatures.SignatureError:
        return {}
    watch.lap("verify")
    if signed_at is not None:
        request_age.count_signature(watch, signed_at)
    if deadlines.is_too_old(watch):
        return door.decline(body, turned_away.LATE) or {}
    left_s = deadlines.remaining_ms(watch) / 1000
    entered_at = await admission.enter(left_s=left_s, limit_s=left_s + watch.elapsed_ms / 1000)
    if not entered_at:
        return await _shed(door, body, watch)
    watch.lap("queue")
    try:
        return await _answer(door, body, watch, together.decide)
    finally:
        admission.leave(entered_at)


async def _shed(door: Door, body: bytes, watch: Stopwatch) -> Answer | dict[str, Any]:
    """Declines what cannot be decided in time; where the database is what everybody waits for, stand-in comes first."""
    if stand_in.is_on() and together.is_silent():
        found = await _answer(door, body, watch, together.stand_in_for)
        if isinstance(found, Answer):
            return found
    return door.decline(body, turned_away.OVERLOADED) or {}


def is_swamped() -> bool:
    """Returns whether a request that comes now is declined at once: no place will be free for it in time."""
    if not admission.is_swamped or (stand_in.is_on() and together.is_silent()):
        return False
    admission.turned_away()
    return True


async def _answer(door: Door, body: bytes, watch: Stopwatch, decide: Decide) -> Answer | dict[str, Any]:
    try:
        asked = door.read(body)
        if asked is None:
            return {}
        watch.lap("decode")
        log_ids.bind_question(asked)
        response = await decide(asked, body, watch)
        if response is None:
            return {}
        status, more = door.respond(asked, response)
    except MalformedEventError:
        return {}
    except together.NeedsThreadError as error:
        return _for_a_thread(asked, body, error.in_doubt)
    except Exception:
        log.exception("a request could not be answered in the event loop; a thread decides it")
        return {}
    timing = ", ".join(f"{name};dur={duration}" for name, duration in watch.steps_ms.items())
    return json_answer(status, response, *more, (b"server-timing", timing.encode()))


def _for_a_thread(asked: AuthorizationRequest | None, body: bytes, in_doubt: list[uuid.UUID]) -> dict[str, Any]:
    """Returns what a thread has to know; where none takes it up in time, the commits in doubt are followed up."""
    if asked is None or not in_doubt:
        return {}
    return {IN_DOUBT: in_doubt, WHEN_SHED: partial(unknown_commits.follow_up, asked, body, in_doubt)}


def _verify_stripe(headers: Mapping[str, str], body: bytes) -> int:
    return signatures.verify_stripe(body, headers.get("stripe-signature", ""), settings.STRIPE_WEBHOOK_SECRETS)


def _read_stripe(body: bytes) -> AuthorizationRequest | None:
    envelope = parse_envelope(body)
    if envelope.type != REQUEST or why_not_ours(envelope):
        return None
    return parse_authorization_request(Provider.STRIPE, envelope)


def _respond_to_stripe(_asked: AuthorizationRequest, _response: bytes) -> tuple[int, Headers]:
    return HTTPStatus.OK, [(b"stripe-version", settings.STRIPE_API_VERSION.encode())]


def _verify_marqeta(headers: Mapping[str, str], _body: bytes) -> None:
    signatures.verify_basic(
        headers.get("authorization", ""),
        username=settings.MARQETA_JIT_USERNAME,
        password=settings.MARQETA_JIT_PASSWORD,
    )


def _read_marqeta(body: bytes) -> AuthorizationRequest | None:
    content = read_object(body)
    method, envelope = jit_funding(content).get("method"), gateway_envelope(content)
    if envelope is None or method not in (*APPROVABLE, *CASH):
        return None
    return parse_gateway_request(envelope)


def _respond_to_marqeta(asked: AuthorizationRequest, response: bytes) -> tuple[int, Headers]:
    return HTTPStatus.OK if asked.answers.is_approval(response) else HTTPStatus.PAYMENT_REQUIRED, []


STRIPE: Final = Door(
    verify=_verify_stripe,
    read=_read_stripe,
    respond=_respond_to_stripe,
    decline=shedding.decline_verified_stripe,
    mark=REQUEST.encode(),
)
# The gateway signs no time, so a request's age counts from its arrival.
MARQETA: Final = Door(
    verify=_verify_marqeta,
    read=_read_marqeta,
    respond=_respond_to_marqeta,
    decline=shedding.decline_verified_marqeta,
)
