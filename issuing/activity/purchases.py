"""A cardholder's purchases as they see them: what was bought, what became of it, and which of their cards paid."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from issuing import states
from issuing.billing import position
from issuing.models import Authorization, BalanceUse, Decision
from onecard.kit.money import Money
from wallet.models import Cardholder, FundingCharge, FundingMethod
from wallet.states import Charge, Obligation

# What a person calls the state of a purchase.
PENDING, COMPLETED, DECLINED, CANCELLED, REFUNDED, UNPAID = (
    "pending", "completed", "declined", "cancelled", "refunded", "unpaid",
)  # fmt: skip
STATUSES = (PENDING, COMPLETED, DECLINED, CANCELLED, REFUNDED, UNPAID)
ENDED = (states.Authorization.REVERSED, states.Authorization.EXPIRED)
# Attempts that took nothing and will take nothing.
TOOK_NOTHING = (Charge.DECLINED, Charge.REFUSED, Charge.CANCELED)


@dataclass(frozen=True, slots=True)
class Payment:
    """What one funding card pays for a purchase; the card is None for the virtual card's own balance."""

    method: FundingMethod | None
    money: Money
    status: str


@dataclass(frozen=True, slots=True)
class PurchaseView:
    """One purchase: its row, its last decision, where it stands, its amount, and who pays."""

    row: Authorization
    decision: Decision | None
    status: str
    money: Money
    payments: list[Payment]


def of_cardholder(holder: Cardholder) -> QuerySet[Authorization]:
    """Returns the purchases of all cards of a person, old and new, without an order."""
    cards = list(holder.virtual_cards.values_list("pk", flat=True))
    return Authorization.objects.filter(card__in=cards).select_related("card")


def views(rows: Iterable[Authorization]) -> list[PurchaseView]:
    """Returns what is shown of purchases; the number of queries does not grow with theirs."""
    found = list(rows)
    last = {each.authorization_id: each for each in Decision.objects.filter(authorization__in=found).order_by("pk")}
    left_minor = position.left_minor(found)
    charges, uses = _charges(found), BalanceUse.objects.filter(authorization__in=found)
    balance = dict(uses.values_list("authorization_id", "amount_minor"))
    return [
        _view(each, last.get(each.pk), left_minor[each.pk], balance.get(each.pk, 0), charges.get(each.reference, []))
        for each in found
    ]


def _charges(rows: list[Authorization]) -> dict[str, list[FundingCharge]]:
    known = FundingCharge.objects.filter(obligation__purchase__in=[each.reference for each in rows])
    grouped: dict[str, list[FundingCharge]] = {}
    for charge in known.select_related("method", "obligation").order_by("pk"):
        grouped.setdefault(charge.obligation.purchase, []).append(charge)
    return grouped


def _view(
    row: Authorization, last: Decision | None, left_minor: int, balance_minor: int, charges: list[FundingCharge]
) -> PurchaseView:
    payments = [Payment(each.method, each.money, each.status) for each in charges if each.status not in TOOK_NOTHING]
    if balance_minor > 0:
        payments.insert(0, Payment(None, Money(balance_minor, row.currency), Charge.SUCCEEDED))
    status = _status(row, left_minor, charges)
    minor = {
        DECLINED: last.amount_minor if last else row.declined_minor,
        COMPLETED: left_minor,
        PENDING: max(left_minor, row.approved_minor),
    }.get(status, row.approved_minor)
    return PurchaseView(row, last, status, Money(minor, row.currency), payments)


def _status(row: Authorization, left_minor: int, charges: list[FundingCharge]) -> str:
    if row.status == states.Authorization.DECLINED:
        return DECLINED
    if row.status in ENDED and left_minor <= 0:
        return CANCELLED
    if any(each.obligation.status == Obligation.FAILED for each in charges):
        return UNPAID
    if row.status == states.Authorization.SETTLED:
        return COMPLETED if left_minor > 0 else REFUNDED
    # The issuer has closed it, and what was captured by then is what it costs.
    return COMPLETED if row.settle_due_at is not None and left_minor > 0 else PENDING
