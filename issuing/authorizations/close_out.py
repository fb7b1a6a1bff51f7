"""Closes out a purchase: after its issuer closed it and the grace period for late captures has passed."""

import datetime as dt

from audit import trail
from issuing import locking, states
from issuing.billing import amount_due, position
from issuing.clearing import card_transactions, currency_conversion
from issuing.limits import holds
from issuing.models import Authorization
from onecard.kit import clock
from onecard.kit.sweeper import each_in_turn

ACTOR = "system:settling"
# The report that a purchase is closed can arrive before its captures. Without any capture the grace period is longer.
AFTER_CAPTURE = dt.timedelta(minutes=10)
WITHOUT_CAPTURE = dt.timedelta(hours=24)
# A foreign capture without a rate may use the whole hold, so staff enter its converted amount first
# (issuing/clearing/currency_conversion.py).
CONVERSION_WAIT = dt.timedelta(hours=6)
BATCH = 100


def close(purchase: Authorization) -> None:
    """Notes, in the caller's transaction, when a purchase that its issuer closed can be closed out."""
    captured, _ = position.moved_minor(purchase)
    if captured >= purchase.approved_minor:
        due = None
    else:
        due = clock.now() + (AFTER_CAPTURE if captured else WITHOUT_CAPTURE)
    Authorization.objects.filter(pk=purchase.pk).update(settle_due_at=due)


def close_out_purchase(purchase_id: int, *, now: dt.datetime | None = None) -> bool:
    """Reduces limits and charges of a due purchase to the captured amount; False when it is not due.

    A purchase with a capture that has no converted amount is postponed: a refund now would have to be charged again.
    """
    moment = now or clock.now()
    with locking.locked_purchase(Authorization.objects.get(pk=purchase_id)) as purchase:
        due = Authorization.objects.filter(
            pk=purchase_id, status=states.Authorization.SETTLED, settle_due_at__lte=moment
        )
        if currency_conversion.is_waited_for(purchase):
            due.update(settle_due_at=moment + CONVERSION_WAIT)
            return False
        if due.update(settle_due_at=None, updated_at=clock.now()) != 1:
            return False
        captured, _ = position.moved_minor(purchase)
        given = holds.shrink_to(purchase, captured)
        trail.record(actor=ACTOR, action="authorization.settlement", subject=purchase, captured=captured, given=given)
        amount_due.follow(purchase, actor=ACTOR)
        card_transactions.link_waiting_refunds(purchase)
        return True


def sweep(*, now: dt.datetime | None = None) -> int:
    """Closes out every purchase that is due; returns how many it looked at."""
    due = Authorization.objects.filter(settle_due_at__lte=now or clock.now()).order_by("settle_due_at")
    ids = list(due.values_list("pk", flat=True)[:BATCH])
    return each_in_turn(ids, lambda purchase_id: close_out_purchase(purchase_id, now=now), what="purchase")
