"""Reads the position of a purchase from its rows: what is held, captured and returned, and the amount due."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from issuing import states
from issuing.models import Authorization, CardTransaction

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
        """The captured amount less the returned amount, in minor units."""
        return self.captured_minor - self.returned_minor

    @property
    def due_minor(self) -> int:
        """The amount due: the held or captured amount, less what was returned.

        While the purchase is open the larger of the two counts, else the captured amount. Below zero merchants returned
        more than they took.
        """
        taken = max(self.held_minor, self.captured_minor) if self.is_open else self.captured_minor
        return taken - self.returned_minor


def of(purchase: Authorization) -> Position:
    """Returns the position of a purchase by its rows."""
    moved = _moved([purchase])[purchase.pk]
    captured, returned = _net(moved)
    has_come_back = bool(moved[Type.REFUND] or moved[Type.CHARGEBACK])
    return Position(purchase.approved_minor, captured, returned, is_open(purchase), has_come_back)


def is_open(purchase: Authorization) -> bool:
    """Returns whether the merchant may still capture: approved, or closed at the issuer within the grace period."""
    return purchase.status == states.Authorization.APPROVED or purchase.settle_due_at is not None


def moved_minor(purchase: Authorization) -> tuple[int, int]:
    """Returns a purchase's captured amount, and the amount returned by refund or dispute, in minor units.

    A movement in another currency counts with its converted amount, and not at all without one. A dispute never
    returns less than zero, whatever its issuer reverses.
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
