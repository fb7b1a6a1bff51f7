"""Tells a person what became of a purchase's money, in the transaction that made it so."""

from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from wallet import states
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation, FundingRefund
from wallet.references import Subject

PAYS = (states.Charge.HELD, states.Charge.SUCCEEDED)


def charged(charge: FundingCharge, obligation: FundingObligation, status: str) -> None:
    """Writes the notice that another card than the chosen one paid; none when the chosen one did."""
    if charge.sequence == 1 or status not in PAYS or obligation.is_top_up:
        return
    first = obligation.charges.select_related("method").order_by("sequence").first()
    if first is None or first.method_id == charge.method_id:
        return
    notices.write(
        user_id=_user_of(obligation),
        kind=Kind.CHARGED_ELSEWHERE,
        cause=f"charge:{charge.public_id}",
        text=f"{_place(obligation)}: {name_of(first.method)} could not be charged, so {name_of(charge.method)} pays "
        f"{charge.money}.",
        reference=_reference(obligation),
    )


def unpaid(case: Case, obligation: FundingObligation) -> None:
    """Writes that a purchase is not paid (its mail: wallet/receivable_notice.py)."""
    notices.write(
        user_id=_user_of(obligation),
        kind=Kind.UNPAID,
        cause=f"receivable:{case.pk}",
        text=f"{_place(obligation)}: {case.money} is still to be paid, and none of your cards could be charged. "
        "Look at the cards in your wallet, or add one.",
        reference=_reference(obligation),
    )


def refunded(refund: FundingRefund) -> None:
    """Writes that money goes back to the card that paid; its bank may take some days to show it."""
    if refund.charge is None:
        return
    notices.write(
        user_id=_user_of(refund.obligation),
        kind=Kind.REFUND_ARRIVED,
        cause=f"refund:{refund.public_id}",
        text=f"{refund.money} went back to {name_of(refund.charge.method)}, for {_place(refund.obligation)}. Your bank "
        "may take some days to show it.",
        reference=_reference(refund.obligation),
    )


def name_of(method: FundingMethod) -> str:
    """Returns a card's name as its owner knows it, such as Travel card (4242)."""
    return f"{method.name} ({method.last_four})"


def _place(obligation: FundingObligation) -> str:
    return " ".join(obligation.description.split()) or "Your purchase"


def _user_of(obligation: FundingObligation) -> int:
    return obligation.cardholder.user_id


def _reference(obligation: FundingObligation) -> str:
    return obligation.purchase if Subject.PURCHASE.named_by(obligation.purchase) else ""
