"""Holds on a card's limits: ended as a whole, or given back in part, once each (money-safety I7)."""

from django.db.models import F

from issuing import states
from issuing.models import Authorization, Hold, SpendWindow
from onecard.kit import clock
from onecard.kit.transactions import require_transaction


def release_all(purchase: Authorization) -> None:
    """Ends everything that is still held for a purchase."""
    for hold in Hold.objects.filter(authorization=purchase, status=states.Hold.PLACED):
        release(hold)


def held_without_us_minor(purchase: Authorization) -> int:
    """What is held that the issuer approved by itself before it asked us for more, in minor units."""
    alone = Hold.objects.filter(authorization=purchase, decision=None, status=states.Hold.PLACED)
    return sum(hold.amount_minor - hold.released_minor for hold in alone)


def release(hold: Hold) -> bool:
    """Ends one hold and gives back what is left of it; False if it had ended already."""
    require_transaction("The release of a hold")
    hold.refresh_from_db(fields=("released_minor", "status"))
    left = hold.amount_minor - hold.released_minor
    placed = Hold.objects.filter(pk=hold.pk, status=states.Hold.PLACED, released_minor=hold.released_minor)
    if placed.update(status=states.Hold.RELEASED, released_minor=F("amount_minor"), ended_at=clock.now()) != 1:
        return False
    _give_back(hold, left)
    return True


def shrink_to(purchase: Authorization, total_minor: int) -> int:
    """Gives back what is held beyond a total, the newest hold first; gives what was given back, in minor units."""
    require_transaction("The part of a hold")
    placed = Hold.objects.filter(authorization=purchase, status=states.Hold.PLACED).order_by("-pk")
    held = list(placed.select_for_update(no_key=True, of=("self",)))
    excess = max(0, sum(hold.amount_minor - hold.released_minor for hold in held) - total_minor)
    given = 0
    for hold in held:
        part = min(excess - given, hold.amount_minor - hold.released_minor)
        if part == hold.amount_minor - hold.released_minor and part:
            release(hold)
        elif part:
            Hold.objects.filter(pk=hold.pk).update(released_minor=F("released_minor") + part)
            _give_back(hold, part)
        given += part
    return given


def _give_back(hold: Hold, amount_minor: int) -> None:
    """To the windows that it was counted in, and off the purchase's sum."""
    windows = SpendWindow.objects.filter(pk__in=(hold.day_id, hold.month_id))
    windows.update(spent_minor=F("spent_minor") - amount_minor)
    purchases = Authorization.objects.filter(pk=hold.authorization_id)
    purchases.update(approved_minor=F("approved_minor") - amount_minor)
