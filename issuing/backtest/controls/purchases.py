"""Stored purchases as a control can judge them again, the oldest first, a batch at a time. Only reads."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from issuing.controls.attributes import Attributes, Holder, attributes_of
from issuing.issuers.messages import AuthorizationRequest
from issuing.issuers.stored_requests import read_request
from issuing.models import Decision, EventBody, Hold
from wallet.references import Subject

COLUMNS = (
    "pk", "event_id", "event__provider", "event__received_at", "authorization_id", "authorization__merchant_name",
    "authorization__mcc", "authorization__card_id", "authorization__card__cardholder_id",
    "authorization__card__currency", "authorization__card__created_at", "authorization__card__compliance_flags",
    "authorization__card__cardholder__time_zone", "authorization__card__cardholder__kyc_status",
    "authorization__card__cardholder__kyc_due_at", "authorization__card__cardholder__compliance_flags",
    "amount_minor", "currency", "approved", "decline_reason", "decided_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredPurchase:
    """One request with what became of it; `gave_back` has the times, amounts and counts that ended early."""

    decision_id: int
    reference: str
    merchant_name: str
    mcc: str
    decided_at: dt.datetime
    time_zone: str
    asked: AuthorizationRequest
    card_currency: str
    attributes: Attributes
    approved: bool
    decline_reason: str
    follows: bool
    gave_back: tuple[tuple[dt.datetime, int, int], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some purchases; `looked_at` decisions were read, up to the id `newest_id`, or none was left (None)."""

    purchases: list[StoredPurchase]
    looked_at: int
    unreadable: int
    newest_id: int | None
    newest_at: dt.datetime | None


def read_batch(*, above: int, until: dt.datetime, size: int, **only: Any) -> Batch:
    """Reads the next decisions above an id, made before `until`; `only` narrows them to a card or a cardholder.

    Corrections are no requests. A request whose body was archived, or that cannot be read, is counted as unreadable.
    """
    rows = Decision.objects.filter(pk__gt=above, corrects__isnull=True, **only).order_by("pk")
    found = [row for row in rows.values(*COLUMNS)[:size] if row["decided_at"] < until]
    if not found:
        return Batch([], 0, 0, None, None)
    asked, holds = _requests(found), _holds(found)
    before = _approved_before(found, asked)
    read = [_stored(row, asked[row["pk"]], holds, before) for row in found if _is_readable(row, asked)]
    # Numbers are given out as the journal is written, which may be a little out of the order of the decisions.
    read.sort(key=lambda each: (each.decided_at, each.decision_id))
    return Batch(read, len(found), len(found) - len(read), found[-1]["pk"], found[-1]["decided_at"])


def before(purchase: StoredPurchase, *, most: int) -> list[StoredPurchase]:
    """Returns the card's newest decisions before a purchase, the oldest first."""
    card_id = purchase.attributes.card_id
    of_card = Decision.objects.filter(
        authorization__card_id=card_id, pk__lt=purchase.decision_id, corrects__isnull=True
    )
    found = list(of_card.order_by("-pk").values(*COLUMNS)[:most])
    asked = _requests(found)
    return [_stored(row, asked[row["pk"]], {}, {}) for row in reversed(found) if row["pk"] in asked]


def _is_readable(row: dict[str, Any], asked: dict[int, AuthorizationRequest]) -> bool:
    return row["pk"] in asked and row["authorization__card_id"] is not None


def _requests(rows: list[dict[str, Any]]) -> dict[int, AuthorizationRequest]:
    """Returns the requests by the decision's id, read from what the issuer sent."""
    came = {row["event_id"]: row for row in rows}
    times = {row["event__received_at"] for row in rows}
    bodies = EventBody.objects.filter(event_id__in=list(came), received_at__in=times).values_list("event_id", "body")
    asked = {}
    for event_id, body in bodies:
        row = came[event_id]
        request = read_request(row["event__provider"], bytes(body))
        if request is not None:
            asked[row["pk"]] = request
    return asked


def _holds(rows: list[dict[str, Any]]) -> dict[int, Hold]:
    """Returns the hold of each approval that gave something back."""
    approved = [row["pk"] for row in rows if row["approved"]]
    rows_of = Hold.objects.filter(decision__in=approved, released_minor__gt=0).select_related("authorization")
    return {hold.decision_id: hold for hold in rows_of if hold.decision_id is not None}


def _approved_before(rows: list[dict[str, Any]], asked: dict[int, AuthorizationRequest]) -> dict[int, int]:
    """Returns what earlier rounds had, in minor units, where the request follows one and does not state it."""
    return {
        row["pk"]: Decision.objects.filter(
            authorization=row["authorization_id"], approved=True, corrected_by__isnull=True, pk__lt=row["pk"]
        ).aggregate(total=Sum("amount_minor", default=0))["total"]
        for row in rows
        if row["pk"] in asked and asked[row["pk"]].follows
    }


def _stored(
    row: dict[str, Any], asked: AuthorizationRequest, holds: dict[int, Hold], before: dict[int, int]
) -> StoredPurchase:
    key = row["pk"]
    return StoredPurchase(
        decision_id=key,
        reference=Subject.PURCHASE.reference(row["authorization_id"]),
        merchant_name=row["authorization__merchant_name"],
        mcc=row["authorization__mcc"],
        decided_at=row["decided_at"],
        time_zone=row["authorization__card__cardholder__time_zone"],
        asked=asked,
        card_currency=row["authorization__card__currency"],
        attributes=attributes_of(asked, _holder(row), now=row["decided_at"], approved_before_minor=before.get(key, 0)),
        approved=row["approved"],
        decline_reason=row["decline_reason"],
        follows=asked.follows,
        gave_back=tuple(_given_back(holds.get(key))),
    )


def _holder(row: dict[str, Any]) -> Holder:
    """Returns the card and its holder; the identity and the flags are those of now, since history keeps no others."""
    flags = (row["authorization__card__compliance_flags"], row["authorization__card__cardholder__compliance_flags"])
    return Holder(
        card_id=row["authorization__card_id"],
        cardholder_id=row["authorization__card__cardholder_id"],
        currency=row["authorization__card__currency"],
        card_created_at=row["authorization__card__created_at"],
        kyc_state=row["authorization__card__cardholder__kyc_status"],
        kyc_due_at=row["authorization__card__cardholder__kyc_due_at"],
        compliance_flags=frozenset(str(flag) for each in flags for flag in each or ()),
    )


def _given_back(hold: Hold | None) -> Iterable[tuple[dt.datetime, int, int]]:
    """Yields when an approval gave back how much, and whether it then counts as a purchase no more.

    When a part was given back is not kept: the purchase's last change is the nearest time that is.
    """
    if hold is None:
        return
    if hold.ended_at is not None:
        yield hold.ended_at, hold.amount_minor, hold.purchase_count
    else:
        yield hold.authorization.updated_at, hold.released_minor, 0
