"""The end of a purchase: closed at its issuer, and what may still come waited for, it is settled as captured."""

import datetime as dt

from audit import trail
from issuing import locking, states
from issuing.billing import amount_due
from issuing.clearing import card_transactions, currency_conversion
from issuing.limits import holds
from issuing.models import Authorization
from onecard.kit import clock
from onecard.kit.sweeper import each_in_turn
from onecard.kit.transactions import transaction

ACTOR = "system:settling"
# The word that a purchase is closed can overtake its captures; one of which nothing was captured is waited for longer.
AFTER_CAPTURE = dt.timedelta(minutes=10)
WITHOUT_CAPTURE = dt.timedelta(hours=24)
# What was captured in another currency may be worth all that is held: a person is asked
# (issuing/clearing/currency_conversion.py).
UNTIL_WORTH_IS_KNOWN = dt.timedelta(hours=6)
BATCH = 100


def close(purchase: Authorization) -> None:
    """Notes, in the caller's transaction, when a purchase that is closed at the issuer can be settled."""
    captured, _ = amount_due.moved_minor(purchase)
    if captured >= purchase.approved_minor:
        due = None
    else:
        due = clock.now() + (AFTER_CAPTURE if captured else WITHOUT_CAPTURE)
    Authorization.objects.filter(pk=purchase.pk).update(settle_due_at=due)


def settle(purchase_id: int, *, now: dt.datetime | None = None) -> bool:
    """Settles a purchase that is due: limits and charges come down to what was captured; False when it is not due.

    While nobody knows what a capture is worth it is put off: what is given back now would be charged anew.
    """
    moment = now or clock.now()
    with transaction():
        locking.lock_card(Authorization.objects.values_list("card_id", flat=True).get(pk=purchase_id))
        purchase = Authorization.objects.select_for_update(no_key=True, of=("self",)).get(pk=purchase_id)
        locking.lock_purchase(purchase.provider, purchase.issuer_authorization_id)
        due = Authorization.objects.filter(
            pk=purchase_id, status=states.Authorization.SETTLED, settle_due_at__lte=moment
        )
        if currency_conversion.is_waited_for(purchase):
            due.update(settle_due_at=moment + UNTIL_WORTH_IS_KNOWN)
            return False
        if due.update(settle_due_at=None, updated_at=clock.now()) != 1:
            return False
        captured, _ = amount_due.moved_minor(purchase)
        given = holds.shrink_to(purchase, captured)
        trail.record(actor=ACTOR, action="authorization.settlement", subject=purchase, captured=captured, given=given)
        amount_due.follow(purchase, actor=ACTOR)
        card_transactions.look_again(purchase)
        return True


def sweep(*, now: dt.datetime | None = None) -> int:
    """Settles every purchase that is due; says how many it looked at."""
    due = Authorization.objects.filter(settle_due_at__lte=now or clock.now()).order_by("settle_due_at")
    ids = list(due.values_list("pk", flat=True)[:BATCH])
    return each_in_turn(ids, lambda purchase_id: settle(purchase_id, now=now), what="purchase")
