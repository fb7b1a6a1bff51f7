"""Taking back an answer: a decision never changes, so a correction is a new row that names the old one."""

import uuid

from audit import trail
from issuing import answers, lifecycle, states
from issuing.models import Decision
from onecard.kit import clock
from onecard.kit.transactions import transaction

REASON = "deadline_exceeded"
ACTOR = "system:deadline"


def withdraw_approval(*, provider: str, event_id: str) -> bytes:
    """Turns the approval of an event into a decline for lateness, with its hold and charge; gives the new answer.

    A repeat of the event gets the same new answer. Only the round of this event is taken back.
    """
    with transaction():
        decisions = Decision.objects.filter(event__provider=provider, event__event_id=event_id)
        late = decisions.select_related("authorization__card").latest("id")
        card = late.authorization.card
        if card is not None:
            lifecycle.lock_card(card.issuer_provider, card.issuer_card_id)
        correction = _correct(late)
        _undo(late)
        trail.record(
            actor=ACTOR,
            action="authorization.withdrawn",
            subject=late.authorization,
            decision=str(late.public_id),
            correction=str(correction.public_id),
        )
    return bytes(correction.response)


def _correct(late: Decision) -> Decision:
    decision_id = uuid.uuid4()
    return Decision.objects.create(
        public_id=decision_id,
        event_id=late.event_id,
        authorization_id=late.authorization_id,
        corrects=late,
        round_key=late.round_key,
        approved=False,
        amount_minor=late.amount_minor,
        currency=late.currency,
        decline_reason=REASON,
        trace={},
        timings_ms={},
        response=answers.answer(decision_id, REASON).encode(),
        decided_at=clock.now(),
    )


def _undo(late: Decision) -> None:
    """The whole purchase falls when this was its only approved round; else just what this round had added."""
    earlier = Decision.objects.filter(authorization_id=late.authorization_id, approved=True, corrected_by=None)
    if not earlier.exclude(pk=late.pk).exists():
        lifecycle.move(late.authorization, states.Authorization.DECLINED, actor=ACTOR)
    elif late.amount_minor:
        lifecycle.release_hold(late.hold, actor=ACTOR)
