"""Stripe's authorization requests in the server's event loop: verifies, reads, and has them decided together.

Whatever is not an ordinary request goes on to the view in a thread (issuing/webhooks/stripe.py), which does all of it.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from issuing.authorizations import together
from issuing.issuers.messages import MalformedEventError
from issuing.issuers.stripe.events import REQUEST, parse_authorization_request, parse_envelope
from issuing.issuers.stripe.foreign_events import why_not_ours
from issuing.models import Provider
from issuing.webhooks import request_age, shedding, signatures
from issuing.webhooks.shedding import LARGEST_BODY
from onecard.kit.buffered_wsgi import Answer, json_answer

log = logging.getLogger(__name__)

# The key of the WSGI environment for decisions whose commit has an unknown end.
IN_DOUBT: Final = "onecard.in_doubt"
_MARK: Final = REQUEST.encode()


async def answer(headers: Mapping[str, str], body: bytes, arrived_at: float) -> Answer | dict[str, Any]:
    """Returns the answer, or what the view in a thread has to know beside the request; never raises."""
    if _MARK not in body or len(body) > LARGEST_BODY:
        return {}
    if together.is_full():
        declined = shedding.decline_stripe(headers, body)
        return json_answer(*declined) if declined else {}
    watch = request_age.watch_since(arrived_at, headers.get("x-request-start", ""))
    try:
        signed_at = signatures.verify_stripe(body, headers.get("stripe-signature", ""), settings.STRIPE_WEBHOOK_SECRETS)
        watch.lap("verify")
        envelope = parse_envelope(body)
        if envelope.type != REQUEST or why_not_ours(envelope):
            return {}
        asked = parse_authorization_request(Provider.STRIPE, envelope)
        watch.lap("decode")
        request_age.count_signature(watch, signed_at)
        response = await together.decide(asked, body=body, watch=watch)
    except (signatures.SignatureError, MalformedEventError):
        return {}
    except together.NeedsThreadError as error:
        return {IN_DOUBT: error.in_doubt}
    except Exception:
        log.exception("a request could not be answered in the event loop; a thread decides it")
        return {}
    timing = ", ".join(f"{name};dur={duration}" for name, duration in watch.steps_ms.items())
    version = settings.STRIPE_API_VERSION.encode()
    return json_answer(200, response, (b"stripe-version", version), (b"server-timing", timing.encode()))
