"""A cardholder says "it was me": for a short while, the control that declined lets one retry pass."""

import datetime as dt
from typing import Final

from django.db import IntegrityError
from django.utils.translation import gettext_lazy

from audit import trail
from issuing import locking
from issuing.controls.errors import MoveError
from issuing.models import Control, ControlPass, ControlVersion, Decision
from onecard.kit import clock
from onecard.kit.transactions import savepoint, transaction

OPEN_FOR: Final = dt.timedelta(minutes=15)
# A decline that is older than this is no purchase that somebody stands at the till for.
ANSWERED_WITHIN: Final = dt.timedelta(hours=24)


def open_pass(decision: Decision, *, actor: str) -> ControlPass:
    """Lets one retry of a declined purchase pass: same card, merchant and control, no higher amount, for 15 minutes.

    Raises MoveError for a decision that no control of staff declined, for an old one, and for a second time.
    """
    version = version_of(decision)
    purchase, now = decision.authorization, clock.now()
    if version is None or purchase.card_id is None or version.control.origin == Control.Origin.HOLDER:
        raise MoveError(gettext_lazy("No control that you can answer for declined this purchase."))
    if now - decision.decided_at > ANSWERED_WITHIN:
        raise MoveError(gettext_lazy("This purchase was declined more than a day ago: pay again, and answer then."))
    with transaction():
        locking.lock_card(purchase.card_id)
        try:
            with savepoint():
                opened = ControlPass.objects.create(
                    control=version.control,
                    card_id=purchase.card_id,
                    decision=decision,
                    merchant_network_id=purchase.merchant_network_id,
                    merchant_name=purchase.merchant_name,
                    most_minor=decision.amount_minor + purchase.approved_minor,
                    until=now + OPEN_FOR,
                    created_at=now,
                )
        except IntegrityError:
            raise MoveError(gettext_lazy("You have said that of this purchase already.")) from None
        trail.record(actor=actor, action="control.pass_opened", subject=purchase, control=version.control.name)
    return opened


def version_of(decision: Decision) -> ControlVersion | None:
    """Returns the version of a control that declined; None where none did."""
    found = decision.trace.get("control") if isinstance(decision.trace, dict) else None
    if decision.approved or not isinstance(found, dict):
        return None
    return ControlVersion.objects.select_related("control").filter(pk=int(found.get("version") or 0)).first()
