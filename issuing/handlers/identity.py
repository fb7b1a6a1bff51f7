"""What an issuer's event says of a person's identity: Stripe's requirements, Marqeta's status of a user.

Reports may be late, repeated or out of order: only one that is newer than the last changes anything, and of two from
the same second the worse one counts.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from issuing.inbox.content import content_of
from issuing.models import IssuerAccount, IssuerEvent, Provider
from onecard.kit.text import clean_text
from wallet.kyc import issuer_reports
from wallet.kyc.issuer_reports import WORST_LAST, ReportedStatus

# Marqeta's reason "failed KYC" (docs/issuers/marqeta.md, Users and cards).
FAILED_KYC: Final = "17"
UNVERIFIED: Final = ("UNVERIFIED", "LIMITED")
# What Stripe misses, in words for the person; the beginning of the requirement's name tells.
ASKED: Final[dict[str, str]] = {
    "individual.first_name": "Your legal first name.",
    "individual.last_name": "Your legal last name.",
    "individual.dob": "Your date of birth.",
    "individual.card_issuing.user_terms_acceptance": "That you accept the card's terms.",
    "individual.verification.document": "A photo of your identity document; our support tells you how to send it.",
}
OTHER: Final = "Something that the card's issuer asks for. Our support can tell you more."
STRIPE_REASONS: Final[dict[str, tuple[ReportedStatus, str]]] = {
    "requirements.past_due": (ReportedStatus.NEEDS_MORE, "The card's issuer needs more to verify your identity."),
    "under_review": (ReportedStatus.UNDER_REVIEW, "The card's issuer is checking your identity."),
    "listed": (ReportedStatus.UNDER_REVIEW, "The card's issuer is checking your identity."),
    "rejected.listed": (ReportedStatus.REJECTED, "The card's issuer could not verify your identity."),
    "rejected.other": (ReportedStatus.REJECTED, "The card's issuer could not verify your identity."),
}
GOOD_AGAIN: Final = "The card's issuer has verified your identity."


@dataclass(frozen=True, slots=True)
class Report:
    """What an issuer says of a person now; `listed` that a sanctions list has them."""

    reported: ReportedStatus
    reason: str
    asked: tuple[str, ...] = ()
    listed: bool = False


def follow(event: IssuerEvent, account: IssuerAccount, *, reported_at: dt.datetime) -> None:
    """Hands an event's report to the wallet if it is the newest, in the caller's transaction."""
    content = content_of(event)
    report = of_marqeta(content) if event.provider == Provider.MARQETA else of_stripe(content)
    if report is None or not _is_newest(account, report.reported, reported_at):
        return
    issuer_reports.follow(
        cardholder_id=account.cardholder_id,
        actor=f"issuer:{event.provider}",
        reported=report.reported,
        reason=report.reason,
        asked=report.asked,
        listed=report.listed,
    )


def of_stripe(cardholder: Mapping[str, Any]) -> Report | None:
    """Reads a cardholder's `requirements`; None where the object has none."""
    requirements = cardholder.get("requirements")
    if not isinstance(requirements, Mapping):
        return None
    reason, past_due = requirements.get("disabled_reason"), requirements.get("past_due")
    lacking = [clean_text(name, limit=200) for name in past_due] if isinstance(past_due, list) else []
    if not reason and not lacking:
        return Report(ReportedStatus.GOOD, GOOD_AGAIN)
    word = clean_text(reason, limit=80) or "requirements.past_due"
    reported, words = STRIPE_REASONS.get(word, STRIPE_REASONS["requirements.past_due"])
    asked = tuple(dict.fromkeys(_in_words(name) for name in lacking)) or (OTHER,)
    is_asking = reported is ReportedStatus.NEEDS_MORE
    return Report(reported, words, asked if is_asking else (), listed=word.endswith("listed"))


def of_marqeta(transition: Mapping[str, Any]) -> Report | None:
    """Reads a user's transition; None where it is a stop that says nothing of the identity."""
    status, reason = transition.get("status"), transition.get("reason_code")
    if status == "ACTIVE":
        return Report(ReportedStatus.GOOD, GOOD_AGAIN)
    if reason == FAILED_KYC and status not in UNVERIFIED:
        return Report(ReportedStatus.REJECTED, STRIPE_REASONS["rejected.other"][1])
    if status in UNVERIFIED:
        return Report(ReportedStatus.NEEDS_MORE, STRIPE_REASONS["requirements.past_due"][1], (OTHER,))
    return None


def _in_words(requirement: str) -> str:
    return next((words for name, words in ASKED.items() if requirement.startswith(name)), OTHER)


def _is_newest(account: IssuerAccount, reported: ReportedStatus, reported_at: dt.datetime) -> bool:
    """Keeps the report on the account unless a newer one, or a worse one of the same moment, was kept before."""
    not_worse = [each.value for each in WORST_LAST[: WORST_LAST.index(reported)]]
    is_older = Q(identity_reported_at=None) | Q(identity_reported_at__lt=reported_at)
    is_milder = Q(identity_reported_at=reported_at, identity_standing__in=not_worse)
    newest = IssuerAccount.objects.filter(is_older | is_milder, pk=account.pk)
    return newest.update(identity_standing=reported.value, identity_reported_at=reported_at) == 1
