"""The amount due for a purchase: what is held or captured, less what merchants returned.

One rule for every order of events: the amount follows from the rows, and wallet/obligations/adjust.py brings the
charges to it. So an update that is late, repeated or out of order leads to the same result (money-safety I10).
"""

from issuing import locking
from issuing.billing import balance_shortfall, position, review_cases, stored_balance
from issuing.billing.position import Position
from issuing.billing.stored_balance import Share
from issuing.limits import holds
from issuing.models import Authorization
from onecard.kit.money import Money
from wallet import cases
from wallet.models import Case
from wallet.obligations import adjust


def follow(purchase: Authorization, *, actor: str) -> int:
    """Brings what the cardholder pays to the amount due, under the purchase's lock; returns the difference.

    The card's own balance pays first, and funding cards the rest (issuing/billing/stored_balance.py).
    """
    locking.require_purchase(purchase)
    purchase.refresh_from_db(fields=("status", "approved_minor", "settle_due_at"))
    name, amounts = purchase.reference, position.of(purchase)
    holds.count_unasked(purchase, captured_minor=amounts.captured_minor, is_open=amounts.is_open)
    share = stored_balance.bring_to(purchase, reference=name, due_minor=amounts.due_minor, actor=actor)
    if share.card is not None:
        stored_balance.post(purchase, reference=name, moved_minor=amounts.moved_minor, is_open=amounts.is_open)
    if amounts.has_come_back:
        _follow_overpayment(purchase, amounts.due_minor, share)
    rest = Money(max(0, amounts.due_minor - share.minor), purchase.currency)
    change = share.change + _ask_cards(purchase, share, rest, amounts, actor)
    _close_case_once_paid(name, purchase, share, amounts)
    return change


def _close_case_once_paid(name: str, purchase: Authorization, share: Share, amounts: Position) -> None:
    """Closes the approved-without-us case once the full captured amount was requested."""
    kind = Case.Kind.APPROVED_WITHOUT_US
    if not Case.objects.filter(kind=kind, reference=name, status=Case.Status.OPEN).exists():
        return
    settled_minor = share.minor + adjust.committed_minor(name, purchase.currency)
    if settled_minor >= amounts.moved_minor > 0:
        cases.resolve_cases(reference=name, kinds=(kind,))
        return
    unasked = Money(amounts.due_minor - settled_minor, purchase.currency)
    if unasked.minor > 0:
        cases.follow_amount(kind=kind, reference=name, money=unasked)


def _follow_overpayment(purchase: Authorization, owed: int, share: Share) -> None:
    left = 0 if stored_balance.takes_credit(share.card) else max(0, -owed)
    review_cases.keep_overpayment(
        reference=purchase.reference, left=Money(left, purchase.currency), is_on_card=share.minor < 0
    )


def _ask_cards(purchase: Authorization, share: Share, rest: Money, amounts: Position, actor: str) -> int:
    """Asks funding cards for what the balance does not pay; returns the difference."""
    description = purchase.merchant_name or purchase.issuer_authorization_id
    asked_first = rest.minor if _ask_first(purchase, share, rest, description) else 0
    return asked_first + adjust.bring_to(
        purchase=purchase.reference,
        amount_due=rest,
        description=description,
        is_over=not amounts.is_open,
        actor=actor,
    )


def _ask_first(purchase: Authorization, share: Share, rest: Money, description: str) -> bool:
    """Asks a first card when the balance was to pay alone and is too low now."""
    if share.card is None or not rest.minor:
        return False
    return balance_shortfall.ask_for_rest(purchase, reference=purchase.reference, rest=rest, description=description)
