"""A person removes a card: not while it owes, and from that commit on it pays nothing."""

from collections import Counter
from collections.abc import Iterable

from django.db.models import Q

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from wallet import states
from wallet.charges import cascade
from wallet.methods import detachment
from wallet.methods import usable as methods
from wallet.models import Cardholder, FundingCharge, FundingMethod, FundingObligation

Status = FundingMethod.Status
# Two groups, because each has an index of its own: few charges are in either at a time.
UNDER_WAY = (Q(status__in=states.DUE_CHARGE), Q(status=states.Charge.REQUIRES_ACTION))


class CardOwesError(OneCardError):
    """The card is needed: a charge of it is under way, or a purchase that it did not pay is still owed."""

    code = "funding_card_owes"


def remove(holder: Cardholder, method_id: int, *, actor: str) -> None:
    """Takes a card out of the wallet at once, and has a worker detach it at the processor.

    A card that was removed before stays removed. Raises CardOwesError with the amounts.
    """
    with transaction():
        wallet = methods.lock_wallet(holder.pk)
        method = wallet.funding_methods.get(pk=method_id)
        if detachment.is_removed(method):
            return
        _refuse_while_owed(wallet, method)
        changes = {"status": Status.DETACHED, "is_backup": False, "updated_at": clock.now()}
        FundingMethod.objects.filter(pk=method.pk).update(**changes)
        trail.record(actor=actor, action="method.removed", subject=method, was_backup=method.is_backup)
        detachment.intend(method.processor_method_id, holder=wallet, method=method, actor=actor)


def _refuse_while_owed(wallet: Cardholder, method: FundingMethod) -> None:
    under_way = _total(charge.asked for charge in _charges(method))
    if under_way:
        raise CardOwesError(f"{under_way} are being charged to {method}: remove it once that has ended.")
    owed = _total(cascade.owed(obligation) for obligation in _unpaid(wallet, method))
    if owed:
        raise CardOwesError(f"{owed} are still owed that {method} was to pay: remove it once they are paid.")


def _charges(method: FundingMethod) -> list[FundingCharge]:
    mine = FundingCharge.objects.filter(method=method).select_related("obligation")
    return [charge for group in UNDER_WAY for charge in mine.filter(group)]


def _unpaid(wallet: Cardholder, method: FundingMethod) -> list[FundingObligation]:
    """Returns what no card has paid: of this card, or of the whole wallet when no other card could pay it."""
    failed = FundingObligation.objects.filter(status=states.Obligation.FAILED, cardholder=wallet)
    others = wallet.funding_methods.filter(status=Status.ACTIVE).exclude(pk=method.pk)
    return list(failed.filter(Q(charges__method=method)).distinct() if others.exists() else failed)


def _total(amounts: Iterable[Money]) -> str:
    """Returns the sums by currency in words, or ""."""
    sums: Counter[str] = Counter()
    for money in amounts:
        sums[money.currency] += money.minor
    return " and ".join(str(Money(minor, currency)) for currency, minor in sorted(sums.items()) if minor > 0)
