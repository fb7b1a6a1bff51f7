"""How many cards a person may begin to add in a day: whoever tries out stolen cards needs many setups.

The setups themselves are counted, in the database, so the limit holds whether Redis is there or not.
"""

import datetime as dt
from typing import Final

from django.conf import settings

from audit import trail
from audit.models import Entry
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import require_transaction
from wallet.models import Cardholder, CardSetup

DAY: Final = dt.timedelta(days=1)
REFUSED: Final = "method.too_many_setups"


class TooManySetupsError(OneCardError):
    """The person has begun to add as many cards as one may within 24 hours; `retry_after_s` says when to come back."""

    code = "too_many_card_setups"

    def __init__(self, *, retry_after_s: float) -> None:
        hours = max(1, round(retry_after_s / 3600))
        super().__init__(
            f"You began to add {settings.CARD_SETUPS_A_DAY} cards within 24 hours, and more cannot be added now. Try "
            f"again in {hours} hour{'' if hours == 1 else 's'}, or ask our support."
        )
        self.retry_after_s = retry_after_s


def refusal(holder: Cardholder, *, actor: str) -> TooManySetupsError | None:
    """Returns the refusal of one more setup under the setups' lock, with one line a day in the trail, or None."""
    require_transaction("The count of card setups")
    now = clock.now()
    latest = CardSetup.objects.filter(cardholder=holder, created_at__gt=now - DAY).order_by("-created_at")
    begun = list(latest.values_list("created_at", flat=True)[: settings.CARD_SETUPS_A_DAY])
    if len(begun) < settings.CARD_SETUPS_A_DAY:
        return None
    known = Entry.objects.filter(subject_type="cardholder", subject_id=str(holder.pk), action=REFUSED)
    if not known.filter(recorded_at__gt=now - DAY).exists():
        trail.record(actor=actor, action=REFUSED, subject=holder, begun=len(begun))
    return TooManySetupsError(retry_after_s=max(1.0, (begun[-1] + DAY - now).total_seconds()))
