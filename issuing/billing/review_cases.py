"""Cases about a purchase's money that staff have to settle: captured and asked of nobody, or returned beyond it.

An overpayment is money that merchants gave back beyond what they took, which neither a purchase nor a card uses.
"""

from issuing.billing import position
from issuing.models import Authorization, BalanceUse
from onecard.kit.money import Money
from wallet import cases
from wallet.models import Case, FundingObligation
from wallet.obligations import off_card


def open_case(purchase: Authorization, *, amount_minor: int) -> None:
    """Opens the case of a purchase that its issuer approved alone, without a funding card."""
    summary = f"The issuer approved {purchase.issuer_authorization_id} without us; no funding card was charged."
    _open(purchase, amount_minor, summary)


def open_case_if_nobody_pays(purchase: Authorization) -> None:
    """Opens a case if captures exceed what people settled and no card was asked, as for a capture without an approval.

    A later capture or a lost dispute can open it again after it was closed.
    """
    name = purchase.reference
    asked = FundingObligation.objects.filter(purchase=name).exists()
    if asked or BalanceUse.objects.filter(authorization=purchase).exists():
        return
    captured, returned = position.moved_minor(purchase)
    left = captured - returned - off_card.read(name, purchase.currency).minor
    if left > 0:
        summary = f"{purchase.issuer_authorization_id} was captured, and nobody was asked for the money."
        _open(purchase, left, summary)


def keep_overpayment(*, reference: str, left: Money, is_on_card: bool) -> None:
    """Keeps one open case per overpayment, none when it is zero, and never reopens one that a person closed.

    In the caller's transaction.
    """
    where = "It is on the card's balance, which the card does not spend." if is_on_card else "It is on no card."
    cases.keep_one(
        kind=Case.Kind.CREDIT_LEFT,
        reference=reference,
        money=left,
        summary=f"Merchants gave back {left} more than they took. {where}",
    )


def open_case_without_purchase(*, reference: str, left: Money, merchant: str) -> None:
    """Opens a case for a refund that belongs to no purchase here. In the caller's transaction."""
    cases.open_case(
        kind=Case.Kind.CREDIT_LEFT,
        reference=reference,
        money=left,
        summary=f"{merchant or 'A merchant'} gave back {left} that is of no purchase here. It is on no card.",
    )


def _open(purchase: Authorization, amount_minor: int, summary: str) -> None:
    cases.open_case(
        kind=Case.Kind.APPROVED_WITHOUT_US,
        reference=purchase.reference,
        money=Money(amount_minor, purchase.currency),
        summary=summary,
    )
