"""Disputes about which the issuer stopped reporting: staff end them as the money stands, and none is moved."""

import datetime as dt

from django.utils.translation import gettext_lazy

from audit import trail
from issuing import locking, states
from issuing.clearing import dispute_money
from issuing.disputes import dispute_notices
from issuing.models import Dispute
from onecard.kit import clock, display
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from onecard.kit.reasons import checked_reason

# Each side has a month or two to answer; after four silent months no answer is expected.
SILENT_FOR = dt.timedelta(days=120)
Status = states.Dispute


class StillOpenError(OneCardError):
    """The dispute cannot be ended by hand. The message tells staff why."""

    code = "dispute_still_open"


def end(*, dispute: Dispute, reason: str, actor: str) -> str:
    """Ends a silent dispute: won if money came back for good, else lost. Returns the new states.Dispute.

    Its case closes with it. It stores no time of its end, so a later report counts however old it is. Concurrent calls
    are safe. Raises StillOpenError, and then nothing has changed.
    """
    words = checked_reason(reason, error=StillOpenError)
    with locking.locked_names(dispute.provider, dispute_id=dispute.issuer_dispute_id):
        kept = Dispute.objects.get(pk=dispute.pk)
        _refuse(why_not(kept))
        outcome = Status.WON if dispute_money.came_back_minor(kept) else Status.LOST
        silent = Dispute.objects.filter(pk=kept.pk, status__in=states.OPEN_DISPUTE)
        if silent.update(status=outcome, updated_at=clock.now()) != 1:
            raise StillOpenError(gettext_lazy("Its issuer has just said something about it: look again."))
        trail.record(actor=actor, action=f"dispute.{outcome}", subject=kept, was=kept.status, because=words)
        kept.refresh_from_db()
        dispute_notices.moved(kept)
        dispute_money.watch(kept)
    return outcome


def why_not(dispute: Dispute) -> str:
    """Returns why a dispute cannot be ended by hand, in a sentence for staff; "" where it can."""
    if dispute.status not in states.OPEN_DISPUTE:
        return "It is over already."
    until = dispute.updated_at + SILENT_FOR
    if clock.now() < until:
        return f"Its issuer may still say how it ends: this is for one without an update until {display.moment(until)}."
    credited = dispute_money.provisional_minor(dispute)
    if credited:
        left = Money(credited, dispute.currency)
        return f"Its issuer has credited {left} meanwhile and not taken it back: ask there whose it is."
    return ""


def _refuse(why: str) -> None:
    if why:
        raise StillOpenError(why)
