"""Holds on a card's limits: ended as a whole, or given back in part, once each (money-safety I7)."""

from collections.abc import Iterable, Sequence

from django.db.models import F, QuerySet

from issuing import locking, states
from issuing.controls import counters
from issuing.limits import open_windows
from issuing.models import Authorization, Hold, SpendWindow, VirtualCard
from onecard.kit import clock
from onecard.kit.transactions import require_transaction


def release_all(purchase: Authorization) -> None:
    """Ends everything that is still held for a purchase."""
    locking.require_purchase(purchase)
    counters.lock_of(purchase)
    for hold in Hold.objects.filter(authorization=purchase, status=states.Hold.PLACED):
        release(hold)


def held_without_us_minor(purchase: Authorization) -> int:
    """Returns what is held that the issuer approved without us, in minor units."""
    return _left_minor(_asked(purchase).filter(decision=None))


def release_without_us(purchase: Authorization) -> None:
    """Ends what is held of the issuer's own approval, before a decision of ours holds it."""
    locking.require_purchase(purchase)
    counters.lock_of(purchase)
    for hold in _asked(purchase).filter(decision=None):
        release(hold)


def release(hold: Hold) -> bool:
    """Ends one hold and gives back what is left of it; False if it had ended already."""
    require_transaction("The release of a hold")
    hold.refresh_from_db(fields=("released_minor", "status"))
    left = hold.amount_minor - hold.released_minor
    placed = Hold.objects.filter(pk=hold.pk, status=states.Hold.PLACED, released_minor=hold.released_minor)
    if placed.update(status=states.Hold.RELEASED, released_minor=F("amount_minor"), ended_at=clock.now()) != 1:
        return False
    _give_back(hold, left, purchases=hold.purchase_count)
    return True


def shrink_to(purchase: Authorization, total_minor: int) -> int:
    """Gives back what is held beyond a total, the newest hold first; gives what was given back, in minor units."""
    locking.require_purchase(purchase)
    counters.lock_of(purchase)
    return _shrink(list(_asked(purchase)), total_minor)


def count_unasked(purchase: Authorization, *, captured_minor: int, is_open: bool) -> None:
    """Has the card's limits count what nobody asked us for: approvals of the issuer alone, and captures above the hold.

    Neither can be refused. What the issuer approved alone counts whole while the purchase `is_open`, and later as far
    as it was captured. Call it under the purchase's lock whenever one of the amounts has changed. It counts in the
    windows of the purchase's first hold, else in the current ones. A counter may exceed its limit then, and the next
    purchase is declined. A refund gives nothing back to a limit: it is no spending undone.
    """
    locking.require_purchase(purchase)
    counters.lock_of(purchase)
    placed = list(Hold.objects.filter(authorization=purchase, status=states.Hold.PLACED).order_by("-pk"))
    if captured_minor or not is_open:
        _end_headroom(placed)
    held_minor = _left_minor(each for each in placed if not (each.of_capture or each.is_headroom))
    approved_minor = purchase.approved_minor if is_open else min(purchase.approved_minor, captured_minor)
    alone_minor = max(0, approved_minor - held_minor)
    if alone_minor and _count(purchase, alone_minor, of_capture=False):
        held_minor += alone_minor
    counted = [each for each in placed if each.of_capture and not each.is_headroom]
    target = max(0, captured_minor - held_minor)
    more = target - _left_minor(counted)
    if more < 0:
        _shrink(counted, target)
    elif more > 0:
        _count(purchase, more, of_capture=True)


def _asked(purchase: Authorization) -> QuerySet[Hold]:
    """Returns what is held of approvals, the newest first, without headroom."""
    held = Hold.objects.filter(authorization=purchase, status=states.Hold.PLACED, of_capture=False, is_headroom=False)
    return held.order_by("-pk")


def _end_headroom(placed: Iterable[Hold]) -> None:
    """Gives back what was held beyond the amount: from the first capture on, what is taken counts itself."""
    for hold in placed:
        if hold.is_headroom:
            release(hold)


def _left_minor(holds: Iterable[Hold]) -> int:
    return sum(hold.amount_minor - hold.released_minor for hold in holds)


def _count(purchase: Authorization, amount_minor: int, *, of_capture: bool) -> bool:
    """Counts an amount and notes it as a hold without a decision; False where nothing can count."""
    windows = _windows_of(purchase)
    if windows is None:
        return False
    day, month = windows
    now = clock.now()
    SpendWindow.objects.filter(pk__in=windows).update(spent_minor=F("spent_minor") + amount_minor)
    counted = counters.count(purchase, amount_minor, now=now, is_purchase=not of_capture)
    Hold.objects.create(
        authorization=purchase,
        day_id=day,
        month_id=month,
        counter_ids=counted.ids,
        purchase_count=counted.purchases,
        amount_minor=amount_minor,
        of_capture=of_capture,
        placed_at=now,
    )
    return True


def _windows_of(purchase: Authorization) -> tuple[int, int] | None:
    """Returns the day and the month that the purchase was counted in first, else those of now.

    None where nothing can count.
    """
    first = Hold.objects.filter(authorization=purchase).order_by("pk").first()
    if first is not None:
        return first.day_id, first.month_id
    cards = VirtualCard.objects.select_related("cardholder")
    card = cards.filter(pk=purchase.card_id).first() if purchase.card_id is not None else None
    if card is None or card.currency != purchase.currency:
        return None
    return open_windows.open_now(card)


def _shrink(held: Sequence[Hold], total_minor: int) -> int:
    """Gives back what these holds have beyond the total, the first of them first."""
    excess = max(0, _left_minor(held) - total_minor)
    given = 0
    for hold in held:
        part = min(excess - given, hold.amount_minor - hold.released_minor)
        if part == hold.amount_minor - hold.released_minor and part:
            release(hold)
        elif part:
            Hold.objects.filter(pk=hold.pk).update(released_minor=F("released_minor") + part)
            _give_back(hold, part, purchases=0)
        given += part
    return given


def _give_back(hold: Hold, amount_minor: int, *, purchases: int) -> None:
    """To the windows and counters that it was counted in, and off the purchase's sum."""
    counters.give_back(hold, amount_minor, purchases=purchases)
    windows = SpendWindow.objects.filter(pk__in=(hold.day_id, hold.month_id))
    windows.update(spent_minor=F("spent_minor") - amount_minor)
    if hold.of_capture:
        return
    purchase = Authorization.objects.filter(pk=hold.authorization_id)
    purchase.update(approved_minor=F("approved_minor") - amount_minor)
