"""Our own money that nobody lists: staff enter it from the bank's statement, with a second person above the threshold.

A gateway program at Marqeta is settled with the bank and has no balance to read, and a processor's account may have had
money before the books began. What an issuer or processor lists itself is never entered (docs/decisions/0054).
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.words import Words
from onecard.users.models import User
from wallet.entered import amounts as entered_amounts
from wallet.entered.amounts import EnteredRefusedError, Kind, KindHandler
from wallet.ledger import postings as ledger
from wallet.models import EnteredAmount

# Older than that is no statement that anybody has at hand.
OLDEST: Final = dt.timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Place:
    """Where money of ours is, apart from our bank."""

    label: Words
    kind: str


# By the reference of the postings.
PLACES: Final[dict[str, Place]] = {
    "issuer:marqeta": Place(gettext_lazy("At Marqeta"), ledger.Kind.ISSUER_FUNDED),
    "issuer:stripe": Place(gettext_lazy("At Stripe Issuing"), ledger.Kind.ISSUER_FUNDED),
    "processor:stripe": Place(gettext_lazy("At Stripe, from charges"), ledger.Kind.PROCESSOR_FUNDED),
}


def install() -> None:
    """Registers how such an amount is carried out."""
    entered_amounts.register(Kind.OWN_MONEY, KindHandler(_apply))


def enter(*, place: str, sent: bool, amount: Money, moved_on: dt.date, reason: str, user: User) -> EnteredAmount:
    """Enters what left our bank for a place, or came from there. Raises EnteredRefusedError; then nothing has changed.

    Above the threshold, alone or with what the same person entered within a day, it waits for a second person.
    """
    if place not in PLACES:
        raise EnteredRefusedError(_("Choose where the money went to or came from."))
    if amount.minor <= 0:
        raise EnteredRefusedError(_("The amount must be more than nothing."))
    today = clock.now().date()
    if not today - OLDEST <= moved_on <= today:
        raise EnteredRefusedError(_("The day must not lie in the future, nor more than 400 days back."))
    details = {"sent": sent, "moved_on": moved_on.isoformat()}
    return entered_amounts.enter(
        kind=Kind.OWN_MONEY,
        reference=place,
        cardholder=None,
        amount=amount,
        reason=reason,
        user=user,
        details=details,
    )


def _apply(entered: EnteredAmount) -> None:
    moved_at = dt.datetime.combine(dt.date.fromisoformat(entered.details["moved_on"]), dt.time(), dt.UTC)
    ledger.post(
        kind=PLACES[entered.reference].kind,
        key=f"own_money:entered:{entered.pk}",
        money=entered.money,
        reference=entered.reference,
        occurred_at=moved_at,
        back=not entered.details["sent"],
    )
