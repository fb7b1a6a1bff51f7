"""What a merchant gave back beyond what it took, on a card that does not use it up by itself: a person hears of it."""

from django.db.models import Q

from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction
from wallet import cases
from wallet.models import Case

KIND = Case.Kind.CREDIT_LEFT


def tell(*, reference: str, left: Money, is_on_card: bool) -> None:
    """Has one case open for this surplus, none when it is zero; one that was worked and closed is not opened again.

    In the caller's transaction.
    """
    require_transaction("A case about a credit")
    if left.minor and _is_told(reference, left):
        return
    cases.resolve_cases(reference=reference, kinds=(KIND,))
    if left.minor:
        where = "It is on the card's balance, which the card does not spend." if is_on_card else "It is on no card."
        cases.open_case(
            kind=KIND,
            reference=reference,
            money=left,
            summary=f"Merchants gave back {left} more than they took. {where}",
        )


def _is_told(reference: str, left: Money) -> bool:
    same = Case.objects.filter(kind=KIND, reference=reference, amount_minor=left.minor, currency=left.currency)
    return same.filter(Q(status=Case.Status.OPEN) | ~Q(resolution="")).exists()
