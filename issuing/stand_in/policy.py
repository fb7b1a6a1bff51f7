"""What stand-in answers: a pure function of the policy, what the snapshot holds of the card, and what was approved.

No clock, no file, no database. Whatever is not certain is declined.
"""

from dataclasses import dataclass
from typing import Final

APPROVE: Final = "approve"
POLICIES: Final = ("decline", APPROVE)

DECLINED: Final = "stand_in_declined"
IN_DOUBT: Final = "stand_in_in_doubt"
NO_SNAPSHOT: Final = "stand_in_no_snapshot"
UNUSABLE_CARD: Final = "stand_in_unusable_card"
NOT_ALLOWED: Final = "stand_in_not_allowed"
UNDER_CONTROLS: Final = "stand_in_under_controls"
LIMIT_EXCEEDED: Final = "stand_in_limit_exceeded"
AMOUNT_EXCEEDED: Final = "stand_in_amount_exceeded"
NOT_KEPT: Final = "stand_in_not_kept"
REASONS: Final = (
    DECLINED, IN_DOUBT, NO_SNAPSHOT, UNUSABLE_CARD, NOT_ALLOWED, UNDER_CONTROLS, LIMIT_EXCEEDED,
    AMOUNT_EXCEEDED, NOT_KEPT,
)  # fmt: skip
# The rule of an approval, where a decision names the rule that chose its card.
RULE: Final = "stand_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenCard:
    """A card as a snapshot holds it; amounts are minor units of its currency.

    `most_minor` is what stand-in may approve for a card within a day, `method_id` the funding card that can pay, or 0.
    `is_controlled` is true where a control may decline, since stand-in cannot check it.
    """

    is_usable: bool
    is_controlled: bool
    currency: str
    most_minor: int
    purchase_limit_minor: int
    day_left_minor: int
    month_left_minor: int
    method_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, as far as the policy looks at it. `is_plain` is false for cash and for later rounds."""

    amount_minor: int
    currency: str
    is_plain: bool
    is_in_doubt: bool


def decline_reason(policy: str, question: Question, card: FrozenCard | None, *, approved_minor: int) -> str:
    """Returns why the purchase is declined, or "" to approve it.

    `card` is None without a usable snapshot, or where the snapshot does not hold the card. `approved_minor` is what
    stand-in approved for the card on this machine within 24 hours; it counts in the card's limits as well.
    """
    if policy != APPROVE:
        return DECLINED
    # A commit with an unknown end may approve it, and two approvals could follow from that.
    if question.is_in_doubt:
        return IN_DOUBT
    if card is None:
        return NO_SNAPSHOT
    total_minor = approved_minor + question.amount_minor
    checks = (
        (NOT_ALLOWED, not question.is_plain or question.currency != card.currency),
        (UNUSABLE_CARD, not card.is_usable or (question.amount_minor > 0 and not card.method_id)),
        (UNDER_CONTROLS, card.is_controlled),
        (LIMIT_EXCEEDED, question.amount_minor > card.purchase_limit_minor),
        (LIMIT_EXCEEDED, total_minor > min(card.day_left_minor, card.month_left_minor)),
        (AMOUNT_EXCEEDED, total_minor > card.most_minor),
    )
    return next((reason for reason, holds in checks if holds), "")
