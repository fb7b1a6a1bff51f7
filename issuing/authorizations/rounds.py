"""Finds the decisions that an issuer refers to: rounds that it declined, or that it asked under several event ids."""

from django.db.models import QuerySet

from issuing.issuers.messages import AuthorizationUpdate, DeclinedRound, round_prefix
from issuing.models import Authorization, Decision, IssuerEvent


def decided_under(provider: str, event_id: str) -> QuerySet[Decision]:
    """Returns the decisions on this event, or on the first event that asked the same of the same purchase."""
    found = Decision.objects.filter(event__provider=provider, event__event_id=event_id)
    event = IssuerEvent.objects.only("object_id", "fingerprint").filter(provider=provider, event_id=event_id).first()
    if event is None or not event.fingerprint or found.exists():
        return found
    same = {"object_id": event.object_id, "fingerprint": event.fingerprint}
    return Decision.objects.filter(event__provider=provider, **{f"event__{name}": each for name, each in same.items()})


def declined(purchase: Authorization, update: AuthorizationUpdate) -> list[Decision]:
    """Returns our approvals of the rounds that the update reports as declined, undone already or not."""
    found = [_approval_of(purchase, each) for each in update.declined_rounds]
    return [decision for decision in found if decision is not None]


def _approval_of(purchase: Authorization, reported: DeclinedRound) -> Decision | None:
    """Finds a round's approval by its place in the history and its amount; None when two could be meant."""
    approved = Decision.objects.filter(authorization=purchase, approved=True, corrected_by=None)
    asked = approved.filter(round_key__startswith=round_prefix(reported.number)).select_related("authorization", "hold")
    same = [decision for decision in asked if reported.amount_minor in (None, decision.amount_minor)]
    return same[0] if len(same) == 1 else None
