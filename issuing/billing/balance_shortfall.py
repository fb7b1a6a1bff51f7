"""The first charge of a purchase that its card's balance was to pay alone, when the balance is too low."""

from issuing.billing import stored_balance
from issuing.models import Authorization, Decision
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction
from wallet import cases
from wallet.methods import usable as methods
from wallet.models import Case, FundingMethod, FundingObligation
from wallet.obligations import lifecycle as obligations


def ask_for_rest(purchase: Authorization, *, reference: str, rest: Money, description: str) -> bool:
    """Charges the best card of its decision that can still pay, else the backup card; True if it did.

    Without such a card, or without a decision of ours, it opens a case so that staff choose whom to charge. In the
    caller's transaction. Once a card was asked, wallet/obligations/adjust.py adjusts the charges.
    """
    require_transaction("The first charge of a purchase")
    if FundingObligation.objects.filter(purchase=reference).exists():
        return False
    owed = Money(
        stored_balance.unasked_minor(reference=reference, due_minor=rest.minor, currency=rest.currency), rest.currency
    )
    if owed.minor <= 0 or _is_a_persons(reference):
        return False
    method = _first_usable(purchase)
    if method is None:
        _open_case(reference, owed)
        return False
    obligations.begin(
        method=method, reference=f"{reference}:1", purchase=reference, description=description, money=owed
    )
    return True


def _is_a_persons(reference: str) -> bool:
    """Returns whether staff are collecting the money by hand: a charge beside them could collect it twice."""
    asked = Case.objects.filter(kind=Case.Kind.APPROVED_WITHOUT_US, reference=reference, status=Case.Status.OPEN)
    return asked.exists()


def _first_usable(purchase: Authorization) -> FundingMethod | None:
    rounds = Decision.objects.filter(authorization=purchase, approved=True, from_balance_minor__gt=0)
    decision = rounds.order_by("pk").first()
    if decision is None:
        return None
    wallet = FundingMethod.objects.filter(cardholder__virtual_cards=purchase.card_id).select_related("cardholder")
    return methods.first_usable(wallet, order=decision.ranked_method_ids, currency=purchase.currency)


def _open_case(reference: str, owed: Money) -> None:
    cases.open_case(
        kind=Case.Kind.APPROVED_WITHOUT_US,
        reference=reference,
        money=owed,
        summary=f"{owed} more is owed than the card's balance has, and no funding card can be charged for it.",
    )
