"""Overpayments: merchants gave back more than they took, and neither a purchase nor a card uses the money."""

from onecard.kit.money import Money
from wallet import cases
from wallet.models import Case


def keep_case(*, reference: str, left: Money, is_on_card: bool) -> None:
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
