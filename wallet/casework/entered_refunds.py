"""Refunds that staff make at our own cost on a case, entered like every amount (wallet/entered/amounts.py).

Those of a whole purchase, from its own page, are in wallet/entered/purchase_refunds.py.
"""

from onecard.kit.money import Money
from onecard.users.models import User
from wallet.casework import actions as case_actions
from wallet.casework.desk import CaseRefusedError
from wallet.entered import amounts as entered_amounts
from wallet.entered import purchase_refunds
from wallet.entered.amounts import EnteredRefusedError, Kind, KindHandler
from wallet.models import Case, EnteredAmount


def refund(*, case: Case, user: User, amount: Money, reason: str, shown_minor: int) -> EnteredAmount:
    """Makes the refund or proposes it to a second person; the returned status says which. Raises CaseRefusedError."""
    case_actions.check_refund(case=case, amount=amount, shown_minor=shown_minor)
    assert case.obligation is not None  # noqa: S101  (check_refund has said so)
    try:
        return entered_amounts.enter(
            kind=Kind.REFUND,
            reference=f"case:{case.pk}",
            cardholder=case.obligation.cardholder,
            amount=amount,
            reason=reason,
            user=user,
            details={"seen_minor": shown_minor},
        )
    except EnteredRefusedError as error:
        raise CaseRefusedError(error.message) from None


def install() -> None:
    """Registers how an entered refund is carried out."""
    entered_amounts.register(Kind.REFUND, KindHandler(_apply, lock=_lock))


def _lock(entered: EnteredAmount) -> None:
    if purchase_refunds.is_of_purchase(entered):
        purchase_refunds.lock(entered)


def _apply(entered: EnteredAmount) -> None:
    if purchase_refunds.is_of_purchase(entered):
        purchase_refunds.apply(entered)
        return
    case_actions.refund(
        case=Case.objects.get(pk=entered.reference.partition(":")[2]),
        user=entered.entered_by,
        amount=entered.money,
        reason=entered.reason,
        shown_minor=int(entered.details["seen_minor"]),
        agreed_by=entered.agreed_by,
    )
