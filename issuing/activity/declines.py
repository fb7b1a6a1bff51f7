"""Why a purchase was declined, in a sentence that helps the person who stood at the till."""

import datetime as dt
from typing import Any, Final

from issuing.authorizations import issuer_reasons
from issuing.controls import sentences
from issuing.models import Authorization, Decision
from onecard.kit import display
from onecard.kit.time_zones import zone_of

OURS: Final = "We could not decide on it in time. Your card is fine: try again."
UNCLEAR: Final = "The merchant's request did not fit what was asked before, so it was declined to keep your money safe."
# What the person can do about it. Reasons that are not here have a sentence below, or are the merchant's side's.
SENTENCES: Final[dict[str, str]] = {
    "card_not_active": "Your card is not active. Unfreeze or activate it, then try again.",
    "card_stop_reported": "The issuer reports that your card was stopped. We are asking; try again in a few minutes.",
    "kyc_not_verified": "Your identity is not verified yet. Complete your profile, and the card works.",
    "compliance_hold": "We had to stop your card and are looking into it. Our support can tell you more.",
    "authorization_not_open": "The merchant asked for more on a purchase that had ended. Ask them to begin a new one.",
    "currency_mismatch": "The merchant charged in another currency than your card's.",
    "cash_not_allowed": "Cash and things like cash cannot be bought with this card.",
    "suspected_fraud": "It looked unlike you, so it was declined to keep your money safe. Was it you? Ask our support.",
    "no_funding_card": "None of your cards could be charged. Check that one is active and not expired.",
    "deadline_exceeded": OURS,
}
LIMITS: Final = {"day": "daily limit", "month": "monthly limit", "purchase": "limit for one purchase"}


def why(row: Authorization, last: Decision | None, *, time_zone: str) -> tuple[str, str]:
    """Returns the code and the sentence of a declined purchase, from its row and its last decision.

    The code is "issuer" where the issuer declined what we were not asked about, or had approved.
    """
    if last is None or last.approved:
        return "issuer", issuer_reasons.sentence(row.issuer_reason)
    return last.decline_reason, sentence(last, time_zone=time_zone)


def sentence(decision: Decision, *, time_zone: str) -> str:
    """Returns why a decision declined, with the limit's numbers at that moment; "" for an approval.

    Times are in the cardholder's own zone, whose days the limits count.
    """
    if decision.approved:
        return ""
    if decision.decline_reason.startswith("stand_in_"):
        return OURS
    limit = decision.trace.get("limit") if isinstance(decision.trace, dict) else None
    if isinstance(limit, dict) and limit.get("kind") in LIMITS:
        return _limit(decision, limit, time_zone)
    control = sentences.of_decision(decision)
    if control is not None:
        return control.sentence
    if decision.decline_reason.endswith("limit_exceeded"):
        return "It was more than one of your card's limits allowed."
    return SENTENCES.get(decision.decline_reason, UNCLEAR)


def _limit(decision: Decision, limit: dict[str, Any], time_zone: str) -> str:
    spent_minor, limit_minor = int(limit.get("spent_minor") or 0), int(limit.get("limit_minor") or 0)
    asked, most, left = (
        display.money(minor, decision.currency)
        for minor in (decision.amount_minor, limit_minor, max(0, limit_minor - spent_minor))
    )
    name = LIMITS[str(limit["kind"])]
    if limit["kind"] == "purchase":
        return f"{asked} is more than your {name} of {most}; {left} was left."
    until = _until(limit.get("until"), time_zone)
    if spent_minor >= limit_minor:
        return f"Your {name} of {most} is used up; {left} left until {until}."
    return f"{asked} is more than what is left of your {name} of {most}: {left} until {until}."


def _until(text: Any, time_zone: str) -> str:
    """Midnight in the cardholder's zone, such as 00:00 New York on 1 December."""
    try:
        end = dt.datetime.fromisoformat(str(text)).astimezone(zone_of(time_zone))
    except ValueError:
        return "the limit renews"
    place = time_zone.rpartition("/")[2].replace("_", " ")
    return f"{end:%H:%M} {place} on {end.day} {end:%B}"
