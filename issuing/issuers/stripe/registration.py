"""Our webhook endpoint at Stripe: what it must be, and what differs (docs/issuers/stripe.md, Webhook endpoints); pure.

The endpoint for `issuing_authorization.request` is set in the dashboard's Issuing settings and is none of this: one
that has only this event is left alone, and the event is not taken away from one that has it beside others.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from issuing.issuers.registration import Doors, Finding, Registration, Repair
from issuing.issuers.stripe import origin
from issuing.issuers.stripe.event_history import STRIPE_TYPES
from issuing.issuers.stripe.events import REQUEST
from onecard.kit.text import clean_text

Json = Mapping[str, Any]

PART: Final = "webhook"
# In the endpoint's metadata: it was made by us, so it is ours even where its address is another one by now.
MARK, OURS = "one_card", "events"
DESCRIPTION: Final = "One Card: everything but the decisions, by manage.py connect_issuer"
# What the sync asks for when it was missed, and what else handlers act on (issuing/handlers). What only repeats another
# event is not asked for.
EVENTS: Final = (
    *(name for name in STRIPE_TYPES if name != "issuing_card.created"),
    "refund.created",
    "charge.refund.updated",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
    "payment_intent.amount_capturable_updated",
    "setup_intent.succeeded",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "payment_method.detached",
    "customer.deleted",
    "payout.canceled",
    "payout.created",
    "payout.failed",
    "payout.paid",
    "payout.updated",
    "topup.canceled",
    "topup.created",
    "topup.failed",
    "topup.reversed",
    "topup.succeeded",
    "transfer.reversed",
)
# An older version may not know these; `charge.refund.updated` reports the same there (stripe.md, Refunds).
SINCE: Final = {"refund.failed": "2024-10-28"}


def events_for(version: str) -> tuple[str, ...]:
    """Returns the events that an endpoint of this API version must have."""
    return tuple(sorted(name for name in EVENTS if version >= SINCE.get(name, "")))


def compare(endpoints: Sequence[Json], doors: Doors, *, version: str) -> Registration:
    """Compares Stripe's list of endpoints with what we need; `version` is the API version of a new one."""
    ours = [each for each in endpoints if _is_ours(each, doors)]
    if not ours:
        values = {"url": doors.events}
        return Registration((Finding(PART, "endpoint_missing", values),), (_creation(endpoints, doors, version),))
    best = min(ours, key=lambda each: _rank(each, doors))
    found = _outdated(best, endpoints, doors, version) or _changed(best, doors)
    others = [each for each in ours if each is not best and _is_enabled(each) and not _is_readable(each)]
    findings = found.findings + tuple(_finding("endpoint_left_over", each) for each in others)
    return Registration(findings, found.repairs + tuple(map(_switching_off, others)))


def _is_ours(endpoint: Json, doors: Doors) -> bool:
    metadata = endpoint.get("metadata")
    is_marked = isinstance(metadata, Mapping) and metadata.get(MARK) == OURS
    return (doors.takes_events(endpoint.get("url")) or is_marked) and set(_events(endpoint)) != {REQUEST}


def _rank(endpoint: Json, doors: Doors) -> tuple[bool, bool, bool, str]:
    """The best one has a version that we read, leads to us, and is enabled; of equal ones the oldest id counts."""
    at_us = doors.takes_events(endpoint.get("url"))
    return not _is_readable(endpoint), not at_us, not _is_enabled(endpoint), str(endpoint.get("id"))


def _outdated(endpoint: Json, endpoints: Sequence[Json], doors: Doors, version: str) -> Registration | None:
    """The version of an endpoint cannot be changed, so another takes its place; None where it is one that we read."""
    if _is_readable(endpoint):
        return None
    found = clean_text(endpoint.get("api_version"), limit=40)
    code = "endpoint_version" if found else "endpoint_without_version"
    finding = _finding(code, endpoint, found=found, wanted=version)
    off = (_switching_off(endpoint),) if _is_enabled(endpoint) else ()
    return Registration((finding,), (_creation(endpoints, doors, version), *off))


def _changed(endpoint: Json, doors: Doors) -> Registration:
    wanted = set(events_for(clean_text(endpoint.get("api_version"), limit=40)))
    given = set(_events(endpoint))
    missing = set() if "*" in given else wanted - given
    extra = given - wanted - {REQUEST}
    body: dict[str, Any] = {}
    findings = []
    if not _is_enabled(endpoint):
        findings.append(_finding("endpoint_disabled", endpoint))
        body["disabled"] = False
    if not doors.takes_events(endpoint.get("url")):
        findings.append(_finding("endpoint_elsewhere", endpoint, found=clean_text(endpoint.get("url"), limit=200)))
        body["url"] = doors.events
    if missing:
        findings.append(_finding("events_missing", endpoint, events=_listed(missing)))
    if extra:
        findings.append(_finding("events_extra", endpoint, events=_listed(extra)))
    if missing or extra:
        body["enabled_events"] = sorted(wanted | (given & {REQUEST}))
    if not findings:
        right = _finding("endpoint_right", endpoint, url=str(endpoint.get("url")), count=str(len(wanted)))
        return Registration((right,))
    name = clean_text(endpoint.get("id"), limit=64)
    return Registration(tuple(findings), (Repair("endpoint_updated", name, {"id": name}, body),))


def _creation(endpoints: Sequence[Json], doors: Doors, version: str) -> Repair:
    body = {
        "url": doors.events,
        "enabled_events": list(events_for(version)),
        "api_version": version,
        "description": DESCRIPTION,
        "metadata": {MARK: OURS},
    }
    return Repair("endpoint_created", "", {"url": doors.events}, body, key=_key(endpoints, body))


def _key(endpoints: Sequence[Json], body: Json) -> str:
    """Two that look at the same list and want the same have one key, so Stripe makes one endpoint of both."""
    known = sorted(clean_text(each.get("id"), limit=64) for each in endpoints)
    text = "\n".join([*known, str(body["url"]), str(body["api_version"]), *body["enabled_events"]])
    return f"connect-issuer:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _switching_off(endpoint: Json) -> Repair:
    name = clean_text(endpoint.get("id"), limit=64)
    return Repair("endpoint_switched_off", name, {"id": name}, {"disabled": True})


def _finding(code: str, endpoint: Json, **values: str) -> Finding:
    return Finding(PART, code, {"id": clean_text(endpoint.get("id"), limit=64), **values})


def _is_enabled(endpoint: Json) -> bool:
    return endpoint.get("status") == "enabled"


def _is_readable(endpoint: Json) -> bool:
    version = clean_text(endpoint.get("api_version"), limit=120)
    return bool(version) and origin.is_read(version)


def _events(endpoint: Json) -> list[str]:
    given = endpoint.get("enabled_events")
    return [clean_text(each, limit=80) for each in given] if isinstance(given, list) else []


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
