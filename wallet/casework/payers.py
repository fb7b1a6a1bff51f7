"""Who pays a purchase, or that nobody does: for lists and pages, where a card's name alone would say too much."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Q

from wallet.casework.rules import NOBODY_PAID
from wallet.models import CarriedAmount, Case, FundingCharge
from wallet.states import Charge, Obligation

# Attempts that took nothing and will take nothing.
TOOK_NOTHING: Final = (Charge.DECLINED, Charge.REFUSED, Charge.CANCELED)
Carried = CarriedAmount.Status
CARRIED_ON: Final = (Carried.WAITING, Carried.ON_CHARGE, Carried.PAID)


@dataclass(slots=True)
class Payers:
    """The charges that took or still take the money, oldest first, and what nobody pays.

    `is_unpaid` is true when a part was asked of cards and none pays it. `case` is the open case about that, or about a
    purchase that was approved without us; `settled` is how people ended it, as a case's proposal says, or "".
    """

    charges: list[FundingCharge] = field(default_factory=list)
    is_unpaid: bool = False
    is_carried: bool = False
    case: Case | None = None
    settled: str = ""


def of(references: Iterable[str]) -> dict[str, Payers]:
    """Returns the payers of purchases by their references, such as authorization:1, from three statements at most."""
    found: dict[str, Payers] = defaultdict(Payers)
    names = list(references)
    failed: dict[int, str] = {}
    released: list[str] = []
    rows = FundingCharge.objects.filter(obligation__purchase__in=names)
    for charge in rows.select_related("method", "obligation").order_by("obligation_id", "sequence"):
        payers = found[charge.obligation.purchase]
        if charge.obligation.status == Obligation.FAILED:
            payers.is_unpaid = True
            failed[charge.obligation_id] = charge.obligation.purchase
        elif charge.obligation.status == Obligation.RELEASED and charge.status == Charge.CANCELED:
            released.append(charge.obligation.purchase)
        elif charge.status not in TOOK_NOTHING:
            payers.charges.append(charge)
    unasked = [name for name in names if name not in found]
    for case in _cases(failed, unasked):
        _add(found[failed.get(case.obligation_id or 0) or case.reference], case)
    for purchase in _carried(released):
        found[purchase].is_carried = True
    return found


def _cases(failed: dict[int, str], unasked: list[str]) -> Iterable[Case]:
    """Returns the cases about failed obligations, and about purchases for which no card was asked."""
    if not failed and not unasked:
        return ()
    about = Q(obligation__in=list(failed)) | Q(reference__in=unasked)
    return Case.objects.filter(about, kind__in=NOBODY_PAID).order_by("pk")


def _carried(purchases: list[str]) -> Iterable[str]:
    """Returns those of the purchases of which an amount goes along with a later charge."""
    if not purchases:
        return ()
    rows = CarriedAmount.objects.filter(purchase__in=purchases, status__in=CARRIED_ON, amount_minor__gt=0)
    return rows.values_list("purchase", flat=True)


def _add(payers: Payers, case: Case) -> None:
    if case.status == Case.Status.OPEN:
        payers.case = case
    elif case.agreed_by_id:
        payers.settled = case.proposal
