"""Purchases that a merchant is paid for although nobody was asked for the money: a person has to see them."""

from issuing.billing import amount_due
from issuing.models import Authorization, BalanceUse
from onecard.kit.money import Money
from wallet import cases
from wallet.models import Case, FundingObligation
from wallet.obligations import off_card


def open_case(purchase: Authorization, *, amount_minor: int) -> None:
    """The issuer approved it by itself: no funding card was chosen."""
    summary = f"The issuer approved {purchase.issuer_authorization_id} without us; no funding card was charged."
    _open(purchase, amount_minor, summary)


def open_case_if_nobody_pays(purchase: Authorization) -> None:
    """Merchants have more of it than was settled by people, and nobody is asked: it was told without an approval, say.

    Also where that comes about again, by a further capture or a dispute that is lost, after its case was closed.
    """
    name = purchase.reference
    asked = FundingObligation.objects.filter(purchase=name).exists()
    if asked or BalanceUse.objects.filter(authorization=purchase).exists():
        return
    captured, returned = amount_due.moved_minor(purchase)
    left = captured - returned - off_card.look_at(name, purchase.currency).minor
    if left > 0:
        summary = f"{purchase.issuer_authorization_id} was captured, and nobody was asked for the money."
        _open(purchase, left, summary)


def _open(purchase: Authorization, amount_minor: int, summary: str) -> None:
    cases.open_case(
        kind=Case.Kind.APPROVED_WITHOUT_US,
        reference=purchase.reference,
        money=Money(amount_minor, purchase.currency),
        summary=summary,
    )
