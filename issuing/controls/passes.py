""" "It was me": a cardholder opens a short window in which the control that stopped or flagged lets one retry pass.

Only for versions whose author allowed it (`allows_pass`), so that no cardholder passes by a rule that is not theirs to
answer for. Who said it, of which purchase, until when, and what it let pass is in the row and in the trail.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import IntegrityError
from django.utils.translation import gettext_lazy

from audit import trail
from issuing import locking
from issuing.controls.errors import MoveError
from issuing.models import Control, ControlHit, ControlPass, ControlVersion, Decision
from onecard.kit import clock
from onecard.kit.transactions import savepoint, transaction
from wallet.models import Case, CaseNote

# An answer that comes later is about no purchase that somebody stands at the till for.
ANSWERED_WITHIN: Final = dt.timedelta(hours=24)
DAY: Final = dt.timedelta(hours=24)
SUSPICION: Final = "suspected_fraud"
NOT_YOURS: Final = gettext_lazy("No control that you can answer for stopped or questioned this purchase.")


@dataclass(frozen=True, slots=True)
class Answered:
    """What follows from "it was me": the pass, or None where no control can be passed; `noted` in a case for staff."""

    opened: ControlPass | None
    noted: bool


def answer(decision: Decision | None, *, actor: str) -> Answered:
    """Takes the cardholder's word for a declined or flagged purchase: opens a pass, and notes it in an open suspicion.

    Raises MoveError with a sentence for the cardholder where neither can be done, for an old purchase, for a second
    time, and after CONTROL_PASSES_A_DAY passes of the card.
    """
    if decision is None:
        raise MoveError(NOT_YOURS)
    if clock.now() - decision.decided_at > ANSWERED_WITHIN:
        raise MoveError(gettext_lazy("This purchase was made more than a day ago: pay again, and answer then."))
    version = version_of(decision) or flagged_by(decision)
    can_pass = version is not None and may_answer(version)
    with transaction():
        opened = open_pass(decision, actor=actor) if can_pass else None
        noted = _note(decision)
        if opened is None and not noted:
            raise MoveError(NOT_YOURS)
    return Answered(opened, noted)


def open_pass(decision: Decision, *, actor: str) -> ControlPass:
    """Lets one retry pass: same card, merchant and control, no higher amount, for CONTROL_PASS_MIN minutes.

    Raises MoveError for a decision that no such control stopped, for a second time, and for too many of the card.
    """
    version = version_of(decision) or flagged_by(decision)
    purchase, now = decision.authorization, clock.now()
    if version is None or purchase.card_id is None or not may_answer(version):
        raise MoveError(NOT_YOURS)
    with transaction():
        # Two answers of one card wait for each other, so that neither passes the bound of a day.
        locking.lock_card(purchase.card_id)
        _refuse_too_many(purchase.card_id)
        try:
            with savepoint():
                opened = ControlPass.objects.create(
                    control=version.control,
                    card_id=purchase.card_id,
                    decision=decision,
                    merchant_network_id=purchase.merchant_network_id,
                    merchant_name=purchase.merchant_name,
                    most_minor=decision.amount_minor + (0 if decision.approved else purchase.approved_minor),
                    until=now + dt.timedelta(minutes=settings.CONTROL_PASS_MIN),
                    created_at=now,
                )
        except IntegrityError:
            raise MoveError(gettext_lazy("You have said that of this purchase already.")) from None
        trail.record(
            actor=actor, action="control.pass_opened", subject=purchase, control=version.control.name,
            until=opened.until.isoformat(), most_minor=opened.most_minor,
        )  # fmt: skip
    return opened


def may_answer(version: ControlVersion) -> bool:
    """Returns whether a cardholder may answer for what this version did."""
    return version.allows_pass and version.control.origin == Control.Origin.STAFF


def is_offered(decision: Decision) -> bool:
    """Returns whether "it was me" opens a pass for this decision now."""
    if clock.now() - decision.decided_at > ANSWERED_WITHIN:
        return False
    version = version_of(decision) or flagged_by(decision)
    return version is not None and may_answer(version) and not ControlPass.objects.filter(decision=decision).exists()


def version_of(decision: Decision) -> ControlVersion | None:
    """Returns the version of a control that declined; None where none did."""
    found = decision.trace.get("control") if isinstance(decision.trace, dict) else None
    if decision.approved or not isinstance(found, dict):
        return None
    return ControlVersion.objects.select_related("control").filter(pk=int(found.get("version") or 0)).first()


def flagged_by(decision: Decision) -> ControlVersion | None:
    """Returns the version of a control that flagged an approved purchase; None where none did."""
    if not decision.approved:
        return None
    hits = ControlHit.objects.filter(decision=decision, action="flag", in_shadow=False)
    found = hits.select_related("version__control").order_by("pk").first()
    return found.version if found else None


def opened_within_a_day(card_id: int) -> int:
    """Counts the passes of a card of the last 24 hours, used or not."""
    return ControlPass.objects.filter(card=card_id, created_at__gt=clock.now() - DAY).count()


def _refuse_too_many(card_id: int) -> None:
    if opened_within_a_day(card_id) >= settings.CONTROL_PASSES_A_DAY:
        raise MoveError(
            gettext_lazy(
                "You have said that of several purchases within a day: please ask our support to look at your card."
            )
        )


def _note(decision: Decision) -> bool:
    """Notes the word in the card's open suspicion of fraud, as its cardholder's; False where none is open."""
    card = decision.authorization.card
    if card is None:
        return False
    case = Case.objects.filter(kind=SUSPICION, reference=f"virtualcard:{card.pk}", status=Case.Status.OPEN).first()
    if case is None:
        return False
    text = (
        f"The cardholder says of {decision.authorization}, decided {decision.decided_at:%Y-%m-%d %H:%M} UTC: it was me."
    )
    CaseNote.objects.create(case=case, author=card.cardholder.user, text=text, created_at=clock.now())
    return True
