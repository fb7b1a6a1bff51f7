"""Compares the mode, account and API version of an event of Stripe with our settings.

An event that is not ours is declined if it is a question (issuing/authorizations/foreign_requests.py) and kept if it
is an update (issuing/inbox/foreign_events.py). Nothing is booked from it (docs/decisions/0027).
"""

from typing import Any

from django.conf import settings

from issuing.issuers.messages import Envelope, Origin
from issuing.issuers.stripe.origin import is_read

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
    """Returns the reason why an event is not ours, or "" for one that is."""
    origin = envelope.origin
    is_live = "_live_" in settings.STRIPE_API_KEY
    inner = envelope.content.get("livemode")
    modes = {mode for mode in (origin.livemode, inner) if isinstance(mode, bool)}
    judgements = (
        # An event that does not state its mode is refused where the money is real.
        ("event_of_other_mode", (not is_live) in modes or (is_live and origin.livemode is None)),
        ("event_of_other_account", origin.account not in ("", settings.STRIPE_ACCOUNT_ID)),
        ("event_of_other_version", not is_read(origin.api_version)),
    )
    return next((reason for reason, holds in judgements if holds), "")


def reference_of(why: str) -> str:
    """Returns the reference of the one case for all events with this reason."""
    return f"stripe:{why}"


def sentence(why: str, envelope: Envelope) -> str:
    """Says what is wrong with an event and what a person does about it."""
    origin: Origin = envelope.origin
    words: dict[str, Any] = {"account": origin.account[:40], "api_version": origin.api_version[:40]}
    return f"{REFUSED}{envelope.id[:40]}: {WHAT_TO_DO[why].format(**words)}"
