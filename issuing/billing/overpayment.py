"""What merchants gave back that no purchase and no card uses up by itself: a person hears of it."""

from onecard.kit.money import Money
from wallet import cases
from wallet.models import Case


def keep_case(*, reference: str, left: Money, is_on_card: bool) -> None:
    """Has one case open for this surplus, none when it is zero; one that was worked and closed is not opened again.

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
    """Opens a case for what came back of no purchase here. In the caller's transaction."""
    cases.open_case(
        kind=Case.Kind.CREDIT_LEFT,
        reference=reference,
        money=left,
        summary=f"{merchant or 'A merchant'} gave back {left} that is of no purchase here. It is on no card.",
    )
