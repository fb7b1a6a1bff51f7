"""Takes back an approval. A decision never changes, so a correction is a new row that names the old one."""

import uuid

from django.db import connection

from audit import trail
from issuing import journal, locking
from issuing.authorizations import lifecycle
from issuing.issuers.messages import AnswerFormat
from issuing.models import Decision
from onecard.kit import clock
from onecard.kit.transactions import transaction

REASON = "deadline_exceeded"
ACTOR = "system:deadline"
LOCK_WAIT_MS = 200


def withdraw_approval(*, provider: str, event_id: str, answers: AnswerFormat) -> bytes:
    """Turns the approval of an event into a decline for lateness, with its hold and charge; returns the new answer.

    A repeat of the event gets the same new answer. Only the round of this event is taken back.
    """
    with transaction():
        _wait_briefly()
        journal.write_of_event(provider, event_id)
        decisions = Decision.objects.filter(event__provider=provider, event__event_id=event_id)
        late = decisions.select_related("authorization").latest("id")
        with locking.locked_purchase(late.authorization) as late.authorization:
            correction = _correct(late, answers)
            lifecycle.undo_round(late, actor=ACTOR)
        trail.record(
            actor=ACTOR,
            action="authorization.withdrawn",
            subject=late.authorization,
            decision=str(late.public_id),
            correction=str(correction.public_id),
        )
    return bytes(correction.response)


def _wait_briefly() -> None:
    """Waits only briefly for each lock, since the issuer waits. The issuer's update undoes what remains."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")


def _correct(late: Decision, answers: AnswerFormat) -> Decision:
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
        response=answers.answer(str(decision_id), REASON).encode(),
        decided_at=clock.now(),
    )
