"""What a cardholder owes for a purchase by now, from what is held and what merchants took and gave back.

One rule for every order of events: the amount follows from the rows as they stand, and wallet/obligations/adjust.py
brings it about. So news that is late, repeated or out of order ends where the right order would have ended
(money-safety I10).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from issuing import locking, states
from issuing.billing import balance_shortfall, overpayment, stored_balance
from issuing.billing.stored_balance import Share
from issuing.limits import holds
from issuing.models import Authorization, CardTransaction
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction
from wallet import cases
from wallet.models import Case
from wallet.obligations import adjust

Type = CardTransaction.Type
LOST = Type.CHARGEBACK_REVERSAL
# The kinds by which money moves for good; provisional ones come and go.
KINDS: tuple[str, ...] = (Type.SETTLEMENT, Type.REFUND, Type.CHARGEBACK, LOST)
# Read more often than anything else of a purchase, so it is told to the database as it is. A chargeback's reversal that
# is pending takes back what never moved (issuing/clearing/posting.py).
MOVED = """
SELECT t.authorization_id, t.transaction_type, sum(coalesce(t.purchase_minor, t.amount_minor))::bigint
FROM issuing_cardtransaction t JOIN issuing_authorization a ON a.id = t.authorization_id
WHERE t.authorization_id = ANY(%s) AND (t.currency = a.currency OR t.purchase_minor IS NOT NULL)
  AND (t.transaction_type <> %s OR t.processing_status = %s)
GROUP BY t.authorization_id, t.transaction_type
"""


def follow(purchase: Authorization, *, actor: str) -> int:
    """Has what the cardholder pays brought to what is owed, in the caller's transaction; gives the difference made.

    The card's own balance pays first, and funding cards the rest (issuing/billing/stored_balance.py).
    """
    require_transaction("What is owed for a purchase")
    locking.lock_card(purchase.card_id)
    locking.lock_purchase(purchase.provider, purchase.issuer_authorization_id)
    purchase.refresh_from_db(fields=("status", "approved_minor", "settle_due_at"))
    name, stands = reference(purchase), look_at(purchase)
    holds.count_captured(purchase, stands.captured_minor)
    share = stored_balance.bring_to(purchase, reference=name, owed_minor=stands.owed_minor, actor=actor)
    if share.card is not None:
        stored_balance.post(purchase, reference=name, moved_minor=stands.moved_minor, is_open=stands.is_open)
    if stands.has_come_back:
        _follow_overpayment(purchase, stands.owed_minor, share)
    rest = Money(max(0, stands.owed_minor - share.minor), purchase.currency)
    change = share.change + _ask_cards(purchase, share, rest, stands, actor)
    _end_question(name, purchase, share, stands)
    return change


@dataclass(frozen=True, slots=True)
class Standing:
    """What is held for a purchase, what merchants took and what came back of it, in minor units of its currency.

    While `is_open` a merchant may still take what is held.
    """

    held_minor: int
    captured_minor: int
    returned_minor: int
    is_open: bool
    # Of a purchase of which nothing ever came back there is no surplus, and was none.
    has_come_back: bool

    @property
    def moved_minor(self) -> int:
        """What merchants have of it by now."""
        return self.captured_minor - self.returned_minor

    @property
    def owed_minor(self) -> int:
        """What is held, or was captured if that is more or nothing is held any more, less what came back.

        Below zero merchants gave back more than they took, and it is the cardholder to whom it is owed.
        """
        taken = max(self.held_minor, self.captured_minor) if self.is_open else self.captured_minor
        return taken - self.returned_minor


def look_at(purchase: Authorization) -> Standing:
    """How a purchase stands by its rows."""
    moved = _moved([purchase])[purchase.pk]
    captured, returned = _net(moved)
    has_come_back = bool(moved[Type.REFUND] or moved[Type.CHARGEBACK])
    return Standing(purchase.approved_minor, captured, returned, is_open(purchase), has_come_back)


def is_open(purchase: Authorization) -> bool:
    """Whether the merchant may still take what is held: approved, or closed at the issuer and waited for."""
    return purchase.status == states.Authorization.APPROVED or purchase.settle_due_at is not None


def moved_minor(purchase: Authorization) -> tuple[int, int]:
    """What merchants took for a purchase and what came back by refund or dispute, in its currency's minor units.

    What moved in another currency counts for what it is worth in the purchase's, and not at all while nobody knows
    that. A dispute gives back no less than nothing, whatever its issuer takes back.
    """
    return _net(_moved([purchase])[purchase.pk])


def left_minor(purchases: Iterable[Authorization]) -> dict[int, int]:
    """What merchants have of each of these purchases by now, by its key, in its currency's minor units."""
    nets = {pk: _net(moved) for pk, moved in _moved(purchases).items()}
    return {pk: captured - returned for pk, (captured, returned) in nets.items()}


def _moved(purchases: Iterable[Authorization]) -> dict[int, dict[str, int]]:
    moved = {each.pk: dict.fromkeys(KINDS, 0) for each in purchases}
    with connection.cursor() as cursor:
        cursor.execute(MOVED, [list(moved), LOST, CardTransaction.Processing.SETTLED])
        for pk, kind, minor in cursor.fetchall():
            moved[pk][kind] = minor
    return moved


def _net(moved: dict[str, int]) -> tuple[int, int]:
    return moved[Type.SETTLEMENT], moved[Type.REFUND] + max(0, moved[Type.CHARGEBACK] - moved[LOST])


def reference(purchase: Authorization) -> str:
    """What the wallet and the ledger call the purchase."""
    return f"authorization:{purchase.pk}"


def _end_question(name: str, purchase: Authorization, share: Share, stands: Standing) -> None:
    """Whose money pays is no question any more once all that merchants have was asked for: it would be paid twice."""
    kind = Case.Kind.APPROVED_WITHOUT_US
    if not Case.objects.filter(kind=kind, reference=name, status=Case.Status.OPEN).exists():
        return
    settled_minor = share.minor + adjust.committed_minor(name, purchase.currency)
    if settled_minor >= stands.moved_minor > 0:
        cases.resolve_cases(reference=name, kinds=(kind,))
        return
    unasked = Money(stands.owed_minor - settled_minor, purchase.currency)
    if unasked.minor > 0:
        cases.follow_amount(kind=kind, reference=name, money=unasked)


def _follow_overpayment(purchase: Authorization, owed: int, share: Share) -> None:
    left = 0 if stored_balance.takes_credit(share.card) else max(0, -owed)
    overpayment.keep_case(
        reference=reference(purchase), left=Money(left, purchase.currency), is_on_card=share.minor < 0
    )


def _ask_cards(purchase: Authorization, share: Share, rest: Money, stands: Standing, actor: str) -> int:
    """Has funding cards asked for what the balance does not pay; gives the difference made."""
    description = purchase.merchant_name or purchase.issuer_authorization_id
    asked_first = rest.minor if _ask_first(purchase, share, rest, description) else 0
    return asked_first + adjust.bring_to(
        purchase=reference(purchase), amount_due=rest, description=description, is_over=not stands.is_open, actor=actor
    )


def _ask_first(purchase: Authorization, share: Share, rest: Money, description: str) -> bool:
    """What a balance was to pay alone and does not have all of."""
    if share.card is None or not rest.minor:
        return False
    return balance_shortfall.ask_for_rest(purchase, reference=reference(purchase), rest=rest, description=description)
