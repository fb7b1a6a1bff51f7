"""What a cardholder owes for a purchase by now, from what is held and what merchants took and gave back.

One rule for every order of events: the amount follows from the rows as they stand, and wallet/settlement.py brings it
about. So news that is late, repeated or out of order ends where the right order would have ended (money-safety I10).
"""

from django.db import connection
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from issuing import states
from issuing.models import Authorization, CardTransaction
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction
from wallet import settlement

Type = CardTransaction.Type


def follow(purchase: Authorization, *, actor: str) -> int:
    """Has what the cardholder pays brought to what is owed, in the caller's transaction; gives the difference made."""
    require_transaction("What is owed for a purchase")
    lock_purchase(purchase.provider, purchase.issuer_authorization_id)
    purchase.refresh_from_db(fields=("status", "approved_minor", "settle_due_at"))
    return settlement.bring_to(
        purchase=reference(purchase),
        owed=Money(owed_minor(purchase), purchase.currency),
        description=purchase.merchant_name or purchase.issuer_authorization_id,
        actor=actor,
    )


def owed_minor(purchase: Authorization) -> int:
    """Minor units: what is held, or what was captured if that is more or nothing is held any more, less what came back.

    While a purchase waits to be settled (`settle_due_at`), a capture may still be on its way, so the hold counts.
    """
    captured, returned = moved_minor(purchase)
    is_open = purchase.status == states.Authorization.APPROVED or purchase.settle_due_at is not None
    taken = max(purchase.approved_minor, captured) if is_open else captured
    return max(0, taken - returned)


def moved_minor(purchase: Authorization) -> tuple[int, int]:
    """What merchants took for a purchase, and what came back of it by refund or chargeback, in minor units."""
    rows = CardTransaction.objects.filter(authorization=purchase)
    sums = rows.aggregate(
        taken=Coalesce(Sum("amount_minor", filter=Q(transaction_type=Type.SETTLEMENT)), 0),
        back=Coalesce(Sum("amount_minor", filter=Q(transaction_type__in=(Type.REFUND, Type.CHARGEBACK))), 0),
    )
    return sums["taken"], sums["back"]


def reference(purchase: Authorization) -> str:
    """What the wallet and the ledger call the purchase."""
    return f"authorization:{purchase.pk}"


def lock_purchase(provider: str, issuer_authorization_id: str) -> None:
    """Held to the end of the transaction: a movement and its purchase that come at once must see each other.

    There may be no row yet to lock, so the lock is the name's (money-safety T13). It is taken after all row locks of
    the card's side, and before those of the wallet's.
    """
    if not issuer_authorization_id:
        return
    with connection.cursor() as cursor:
        name = f"onecard.purchase:{provider}:{issuer_authorization_id}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
