"""The amount due for a purchase: what is held or captured, less what merchants returned.

One rule for every order of events: the amount follows from the rows, and wallet/obligations/adjust.py brings the
charges to it. So an update that is late, repeated or out of order leads to the same result (money-safety I10).
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
from wallet import cases
from wallet.models import Case
from wallet.obligations import adjust

Type = CardTransaction.Type
LOST = Type.CHARGEBACK_REVERSAL
# The types that move money for good; provisional ones are temporary.
KINDS: tuple[str, ...] = (Type.SETTLEMENT, Type.REFUND, Type.CHARGEBACK, LOST)
# This query runs more often than any other on a purchase, so it is plain SQL. A pending chargeback reversal returns
# money that never moved (issuing/clearing/posting.py).
MOVED = """
SELECT t.authorization_id, t.transaction_type, sum(coalesce(t.purchase_minor, t.amount_minor))::bigint
FROM issuing_cardtransaction t JOIN issuing_authorization a ON a.id = t.authorization_id
WHERE t.authorization_id = ANY(%s) AND (t.currency = a.currency OR t.purchase_minor IS NOT NULL)
  AND (t.transaction_type <> %s OR t.processing_status = %s)
GROUP BY t.authorization_id, t.transaction_type
"""


def follow(purchase: Authorization, *, actor: str) -> int:
    """Brings what the cardholder pays to the amount due, under the purchase's lock; returns the difference.

    The card's own balance pays first, and funding cards the rest (issuing/billing/stored_balance.py).
    """
    locking.require_purchase(purchase)
    purchase.refresh_from_db(fields=("status", "approved_minor", "settle_due_at"))
    name, position = purchase.reference, position_of(purchase)
    holds.count_captured(purchase, position.captured_minor)
    share = stored_balance.bring_to(purchase, reference=name, due_minor=position.due_minor, actor=actor)
    if share.card is not None:
        stored_balance.post(purchase, reference=name, moved_minor=position.moved_minor, is_open=position.is_open)
    if position.has_come_back:
        _follow_overpayment(purchase, position.due_minor, share)
    rest = Money(max(0, position.due_minor - share.minor), purchase.currency)
    change = share.change + _ask_cards(purchase, share, rest, position, actor)
    _close_case_once_paid(name, purchase, share, position)
    return change


@dataclass(frozen=True, slots=True)
class Position:
    """The held, captured and returned amounts of a purchase, in minor units of its currency.

    While `is_open` the merchant may still capture the held amount.
    """

    held_minor: int
    captured_minor: int
    returned_minor: int
    is_open: bool
    # A purchase without a refund or chargeback has no overpayment and never had one.
    has_come_back: bool

    @property
    def moved_minor(self) -> int:
        """The captured amount of a purchase and the amount returned by refund or dispute, in minor units.

        A movement in another currency counts with its converted amount, and not at all without one. A dispute never
        returns less than zero, whatever its issuer reverses.
        """
        return self.captured_minor - self.returned_minor

    @property
    def due_minor(self) -> int:
        """The amount due: the held or captured amount, less what was returned.

        While the purchase is open the larger of the two counts, else the captured amount. Below zero merchants returned
        more than they took.
        """
        taken = max(self.held_minor, self.captured_minor) if self.is_open else self.captured_minor
        return taken - self.returned_minor


def position_of(purchase: Authorization) -> Position:
    """Returns the position of a purchase by its rows."""
    moved = _moved([purchase])[purchase.pk]
    captured, returned = _net(moved)
    has_come_back = bool(moved[Type.REFUND] or moved[Type.CHARGEBACK])
    return Position(purchase.approved_minor, captured, returned, is_open(purchase), has_come_back)


def is_open(purchase: Authorization) -> bool:
    """Returns whether the merchant may still capture: approved, or closed at the issuer within the grace period."""
    return purchase.status == states.Authorization.APPROVED or purchase.settle_due_at is not None


def moved_minor(purchase: Authorization) -> tuple[int, int]:
    """What merchants took for a purchase and what came back by refund or dispute, in its currency's minor units.

    What moved in another currency counts for its converted amount in the purchase's, and not at all while nobody knows
    that. A dispute gives back no less than nothing, whatever its issuer takes back.
    """
    return _net(_moved([purchase])[purchase.pk])


def left_minor(purchases: Iterable[Authorization]) -> dict[int, int]:
    """Returns the captured amount less the returned amount of each purchase, by its key, in minor units."""
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


def _close_case_once_paid(name: str, purchase: Authorization, share: Share, position: Position) -> None:
    """Closes the approved-without-us case once the full captured amount was requested."""
    kind = Case.Kind.APPROVED_WITHOUT_US
    if not Case.objects.filter(kind=kind, reference=name, status=Case.Status.OPEN).exists():
        return
    settled_minor = share.minor + adjust.committed_minor(name, purchase.currency)
    if settled_minor >= position.moved_minor > 0:
        cases.resolve_cases(reference=name, kinds=(kind,))
        return
    unasked = Money(position.due_minor - settled_minor, purchase.currency)
    if unasked.minor > 0:
        cases.follow_amount(kind=kind, reference=name, money=unasked)


def _follow_overpayment(purchase: Authorization, owed: int, share: Share) -> None:
    left = 0 if stored_balance.takes_credit(share.card) else max(0, -owed)
    overpayment.keep_case(reference=purchase.reference, left=Money(left, purchase.currency), is_on_card=share.minor < 0)


def _ask_cards(purchase: Authorization, share: Share, rest: Money, position: Position, actor: str) -> int:
    """Asks funding cards for what the balance does not pay; returns the difference."""
    description = purchase.merchant_name or purchase.issuer_authorization_id
    asked_first = rest.minor if _ask_first(purchase, share, rest, description) else 0
    return asked_first + adjust.bring_to(
        purchase=purchase.reference,
        amount_due=rest,
        description=description,
        is_over=not position.is_open,
        actor=actor,
    )


def _ask_first(purchase: Authorization, share: Share, rest: Money, description: str) -> bool:
    """Asks a first card when the balance was to pay alone and is too low now."""
    if share.card is None or not rest.minor:
        return False
    return balance_shortfall.ask_for_rest(purchase, reference=purchase.reference, rest=rest, description=description)
