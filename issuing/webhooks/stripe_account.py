"""Are events of Stripe ours? Their mode, their account and their API version are compared with our settings.

What is not ours is declined if it is a question and kept if it is news; nothing is booked from it, and a case tells a
person, once for each reason (docs/decisions/0027). Marqeta's messages say nothing of the kind.
"""

import logging
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from issuing.authorizations import decision_store
from issuing.inbox import deliveries as inbox
from issuing.issuers.messages import AuthorizationRequest, Envelope, Origin
from issuing.issuers.stripe import origin as event_origin
from issuing.issuers.stripe.events import REQUEST, parse_envelope
from issuing.models import IssuerEvent, Provider
from onecard.kit import clock
from onecard.kit.clock import Stopwatch
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox
from wallet import cases
from wallet.models import Case

log = logging.getLogger(__name__)

REFUSED = "Refused: "
# By the reason of the decline: what is wrong, and what a person does about it.
WHAT_TO_DO = {
    "event_of_other_mode": (
        "its mode (live or test) is not that of STRIPE_API_KEY. Remove this endpoint in Stripe's dashboard of the "
        "other mode, or set the key of the right mode."
    ),
    "event_of_other_account": (
        "it is of account {account}, and not of ours. Remove the endpoint for connected accounts in Stripe's "
        "dashboard, or set STRIPE_ACCOUNT_ID if that account is ours."
    ),
    "event_of_other_version": (
        "its API version, {api_version}, is not among STRIPE_EVENT_VERSIONS. Have the endpoint's version set to one "
        "that is read here; or add this one, restart, and run manage.py take_events_again."
    ),
}


def why_not_ours(envelope: Envelope) -> str:
    """The reason not to believe an event, or "" for one of ours."""
    origin = envelope.origin
    is_live = "_live_" in settings.STRIPE_API_KEY
    inner = envelope.content.get("livemode")
    modes = {mode for mode in (origin.livemode, inner) if isinstance(mode, bool)}
    judgements = (
        # Real money needs a word for it; a test event without one can do no harm.
        ("event_of_other_mode", (not is_live) in modes or (is_live and origin.livemode is None)),
        ("event_of_other_account", origin.account not in ("", settings.STRIPE_ACCOUNT_ID)),
        ("event_of_other_version", not event_origin.is_read(origin.api_version)),
    )
    return next((reason for reason, holds in judgements if holds), "")


def refuse_question(asked: AuthorizationRequest, why: str, envelope: Envelope, body: bytes, watch: Stopwatch) -> bytes:
    """Declines a question that is not ours and keeps it with a case, in one round trip inside the deadline."""
    sentence = _sentence(why, envelope)
    refusal = {
        "provider": asked.provider,
        "event_id": asked.event_id,
        "event_type": asked.event_type,
        "authorization_id": asked.authorization_id,
        "fingerprint": asked.fingerprint,
        "now": clock.now().isoformat(),
        "amount_minor": asked.amount_minor,
        "currency": asked.currency,
        "refused_because": sentence,
        "reference": _reference(why),
        "alarm": True,
    }
    log.error("event %s: %s", asked.event_id, sentence)
    try:
        decision_store.refuse(refusal, body, remaining_ms=settings.DECISION_DEADLINE_MS - watch.elapsed_ms)
    except DatabaseError as error:
        log.warning("event %s: the refused question could not be kept: %s", asked.event_id, error)
    return asked.answers.bare_decline(why)


def refuse_update(why: str, envelope: Envelope) -> str:
    """Opens the case about news that is not ours, in the caller's transaction; gives the reason that it is kept for."""
    kind, reference, sentence = Case.Kind.EVENT_CONTRADICTION, _reference(why), _sentence(why, envelope)
    is_first = not Case.objects.filter(kind=kind, reference=reference, status=Case.Status.OPEN).exists()
    case = cases.open_case(kind=kind, reference=reference, money=Money(0, "USD"), summary=sentence)
    if is_first:
        outbox.put(topic="events.refused", case_id=case.pk)
    return sentence


def take_again() -> int:
    """Hands the kept news to the workers that is ours by today's settings; says how many events that were."""
    kept = IssuerEvent.objects.filter(provider=Provider.STRIPE, status="kept", reason__startswith=REFUSED)
    taken = 0
    for event in kept.exclude(event_type=REQUEST).order_by("pk").iterator():
        if not why_not_ours(parse_envelope(bytes(event.body))):
            with transaction():
                taken += inbox.take_again(event)
    return taken


def _reference(why: str) -> str:
    return f"stripe:{why}"


def _sentence(why: str, envelope: Envelope) -> str:
    origin: Origin = envelope.origin
    words: dict[str, Any] = {"account": origin.account[:40], "api_version": origin.api_version[:40]}
    return f"{REFUSED}{envelope.id[:40]}: {WHAT_TO_DO[why].format(**words)}"
