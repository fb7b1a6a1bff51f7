"""Ends the pause of funding cards after a declined charge, when the reason for the pause is gone."""

import datetime as dt
from collections.abc import Iterable

from django.utils.translation import gettext as _

from audit import trail
from audit.models import Entry
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import require_transaction, transaction
from wallet.methods import usable as methods
from wallet.methods.edits import edit
from wallet.models import FundingMethod, FundingObligation

COOLED_DOWN = "method.cooled_down"
ENDED = "method.cooling_ended"


class NotCoolingError(OneCardError):
    """The card does not rest, or nobody said why its pause should end."""

    code = "not_cooling"


def is_cooling(method: FundingMethod) -> bool:
    """Returns whether the card is left out of routing now, after a declined charge."""
    return method.cooling_until is not None and method.cooling_until > clock.now()


def paused_by(obligation: FundingObligation) -> list[FundingMethod]:
    """Returns the cards that rest since a charge of this obligation failed, in the wallet's order.

    A card that was declined for something else after that rests for that reason, and is left out.
    """
    charges = dict(obligation.charges.values_list("pk", "method_id"))
    resting = FundingMethod.objects.filter(pk__in=charges.values(), cooling_until__gt=clock.now())
    cards = resting.filter(status=FundingMethod.Status.ACTIVE).select_related("cardholder")
    return [card for card in cards.order_by("position", "pk") if _last_charge(card) in charges]


def end(cards: Iterable[FundingMethod], *, actor: str) -> list[FundingMethod]:
    """Ends the pauses of those cards that still rest, under their wallet's lock, and returns them."""
    require_transaction("The end of a pause")
    ended = []
    for card in cards:
        fresh = FundingMethod.objects.get(pk=card.pk)
        if is_cooling(fresh):
            edit(fresh, actor=actor, cooling_until=None)
            ended.append(fresh)
    return ended


def end_by_staff(*, method: FundingMethod, reason: str, actor: str) -> FundingMethod:
    """Ends one card's pause because staff say so, with the reason in the trail.

    Raises NotCoolingError when it does not rest any more, as after a second click, or without a reason.
    """
    words = checked_reason(reason, error=NotCoolingError)
    with transaction():
        methods.lock_wallet(method.cardholder_id)
        ended = end([method], actor=actor)
        if not ended:
            raise NotCoolingError(_("This card does not cool down any more."))
        trail.record(actor=actor, action=ENDED, subject=method, reason=words)
    return ended[0]


def reasons(method_ids: Iterable[int], *, at: dt.datetime | None = None) -> dict[int, str]:
    """Returns the bank's word for which each of these cards rests, by its key; as it was at a moment, or by now.

    The words are decline codes with spaces, such as "insufficient funds"; a card that never rested has none.
    """
    keys = [str(each) for each in method_ids]
    if not keys:
        return {}
    entries = Entry.objects.filter(subject_type="fundingmethod", subject_id__in=keys, action=COOLED_DOWN)
    if at is not None:
        entries = entries.filter(recorded_at__lte=at)
    last = entries.order_by("subject_id", "-pk").distinct("subject_id")
    return {int(each.subject_id): str(each.details.get("failure_code", "")).replace("_", " ") for each in last}


def _last_charge(card: FundingMethod) -> int | None:
    """Returns the key of the charge whose failure made the card rest last, as the trail has it."""
    entries = Entry.objects.filter(subject_type="fundingmethod", subject_id=str(card.pk), action=COOLED_DOWN)
    last = entries.order_by("-pk").first()
    charge = last.details.get("charge") if last is not None and isinstance(last.details, dict) else None
    return charge if isinstance(charge, int) else None
