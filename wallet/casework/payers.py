"""Who pays a purchase, or that nobody does: for lists and pages, where a card's name alone would say too much."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from django.db.models import Q, QuerySet

from wallet.casework.rules import NOBODY_PAID
from wallet.models import CarriedAmount, Case, FundingCharge, FundingObligation
from wallet.states import Charge, Obligation

# Attempts that took nothing and will take nothing.
TOOK_NOTHING: Final = (Charge.DECLINED, Charge.REFUSED, Charge.CANCELED)
Carried = CarriedAmount.Status
Key = TypeVar("Key", bound=Hashable)
CARRIED_ON: Final = (Carried.WAITING, Carried.ON_CHARGE, Carried.PAID)


# A card is asked again hours later while such a case is open: nobody pays until then.
OWES: Final = (Case.Kind.RECEIVABLE, Case.Kind.FUNDING_DECLINED, Case.Kind.FUNDING_REFUSED)


@dataclass(slots=True)
class Payers:
    """The charges that took or still take the money, oldest first, and what nobody pays.

    `unpaid` has the keys of the obligations that were asked of cards and that none pays. `case` is the open case about
    that, or about a purchase that was approved without us; `settled` is how people ended it, as a case's proposal says.
    """

    charges: list[FundingCharge] = field(default_factory=list)
    unpaid: set[int] = field(default_factory=set)
    is_carried: bool = False
    case: Case | None = None
    settled: str = ""


def of(references: Iterable[str]) -> dict[str, Payers]:
    """Returns the payers of purchases by their references, such as authorization:1, from three statements at most."""
    names = list(references)
    return _read(FundingCharge.objects.filter(obligation__purchase__in=names), lambda each: each.purchase, names)


def of_obligations(keys: Iterable[int]) -> dict[int, Payers]:
    """Returns the payers of obligations by their keys, each for itself: a purchase may have several."""
    return _read(FundingCharge.objects.filter(obligation__in=list(keys)), lambda each: each.pk, ())


def _read(
    charges: QuerySet[FundingCharge], key: Callable[[FundingObligation], Key], names: Iterable[Key]
) -> dict[Key, Payers]:
    """Returns the payers by what `key` makes of each charge's obligation; `names` are references of purchases."""
    found: dict[Key, Payers] = defaultdict(Payers)
    waiting: dict[int, Key] = {}
    released: dict[Key, str] = {}
    for charge in charges.select_related("method", "obligation").order_by("obligation_id", "sequence"):
        obligation, name = charge.obligation, key(charge.obligation)
        payers = found[name]
        if obligation.status == Obligation.FAILED:
            payers.unpaid.add(obligation.pk)
        if obligation.status == Obligation.FAILED or charge.status == Charge.INTENDED:
            waiting[obligation.pk] = name
        if obligation.status == Obligation.RELEASED and charge.status == Charge.CANCELED:
            released[name] = obligation.purchase
        if obligation.status != Obligation.FAILED and charge.status not in TOOK_NOTHING:
            payers.charges.append(charge)
    unasked = {str(name): name for name in names if name not in found}
    for case in _cases(waiting, unasked):
        _add(found[waiting[case.obligation_id] if case.obligation_id in waiting else unasked[case.reference]], case)
    carried = set(_carried(released.values()))
    for name in (each for each, purchase in released.items() if purchase in carried):
        found[name].is_carried = True
    return found


def _cases(waiting: Collection[int], unasked: Collection[str]) -> Iterable[Case]:
    """Returns the cases about obligations that wait, and about purchases for which no card was asked."""
    if not waiting and not unasked:
        return ()
    about = Q(obligation__in=list(waiting)) | Q(reference__in=unasked)
    return Case.objects.filter(about, kind__in=NOBODY_PAID).order_by("pk")


def _carried(purchases: Collection[str]) -> Iterable[str]:
    """Returns those of the purchases of which an amount goes along with a later charge."""
    if not purchases:
        return ()
    rows = CarriedAmount.objects.filter(purchase__in=purchases, status__in=CARRIED_ON, amount_minor__gt=0)
    return rows.values_list("purchase", flat=True)


def _add(payers: Payers, case: Case) -> None:
    if case.status != Case.Status.OPEN:
        payers.settled = case.proposal if case.agreed_by_id else payers.settled
        return
    payers.case = case
    if case.kind in OWES and case.obligation_id is not None:
        payers.unpaid.add(case.obligation_id)
        payers.charges = [
            each
            for each in payers.charges
            if (each.obligation_id, each.status) != (case.obligation_id, Charge.INTENDED)
        ]
