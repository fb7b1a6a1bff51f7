"""Cases for captured purchases that no funding card was asked to pay for."""

from issuing.billing import amount_due
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
    captured, returned = amount_due.moved_minor(purchase)
    left = captured - returned - off_card.read(name, purchase.currency).minor
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
