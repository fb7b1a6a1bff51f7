"""Rounds of a purchase that its issuer declined although we approved them: our answer came too late."""

from issuing.events import AuthorizationNews, DeclinedRound, round_prefix
from issuing.models import Authorization, Decision


def declined(purchase: Authorization, news: AuthorizationNews) -> list[Decision]:
    """Our standing approvals whose rounds the news calls declined, whether they were undone already or not."""
    found = [_approval_of(purchase, each) for each in news.declined_rounds]
    return [decision for decision in found if decision is not None]


def _approval_of(purchase: Authorization, told: DeclinedRound) -> Decision | None:
    """By its place in the history and its amount; where two could be meant, nothing is concluded."""
    approved = Decision.objects.filter(authorization=purchase, approved=True, corrected_by=None)
    asked = approved.filter(round_key__startswith=round_prefix(told.number)).select_related("authorization", "hold")
    same = [decision for decision in asked if told.amount_minor in (None, decision.amount_minor)]
    return same[0] if len(same) == 1 else None
