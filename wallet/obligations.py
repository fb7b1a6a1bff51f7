"""An obligation beyond its charges: releasing it when the purchase did not happen."""

from audit import trail
from onecard.kit import clock
from onecard.kit.moves import sources_of
from onecard.kit.transactions import require_transaction
from wallet import cases, states
from wallet.models import Case, FundingCharge, FundingObligation


def release(*, obligation_id: int | None, actor: str) -> bool:
    """Says that nothing is owed any more; False when that was known.

    A charge that no worker has touched is canceled. One that took money, or may have, cannot be: a case follows now,
    or when its outcome is known (wallet/outcomes.py). Refunding by itself comes with settlement.
    """
    require_transaction("The release of an obligation")
    obligation = lock(obligation_id) if obligation_id else None
    if obligation is None or not move(obligation, states.Obligation.RELEASED, actor=actor):
        return False
    now = clock.now()
    for charge in FundingCharge.objects.filter(obligation=obligation, status=states.Charge.INTENDED):
        unsent = FundingCharge.objects.filter(pk=charge.pk, status=states.Charge.INTENDED)
        if unsent.update(status=states.Charge.CANCELED, next_attempt_at=None, finished_at=now, updated_at=now):
            trail.record(actor=actor, action="charge.canceled", subject=charge, was=charge.status)
    if FundingCharge.objects.filter(obligation=obligation, status=states.Charge.SUCCEEDED).exists():
        open_charged_without_purchase(obligation)
    return True


def move(obligation: FundingObligation, target: str, *, actor: str) -> bool:
    """Moves an obligation along its table of legal moves; False when the move is not legal from where it stands."""
    sources = sources_of(states.OBLIGATION_MOVES, target)
    rows = FundingObligation.objects.filter(pk=obligation.pk, status__in=sources)
    if rows.update(status=target, updated_at=clock.now()) != 1:
        return False
    trail.record(actor=actor, action=f"funding.{target}", subject=obligation, was=obligation.status)
    return True


def lock(obligation_id: int) -> FundingObligation:
    """Locks an obligation: the one order is obligation first, then its charges."""
    return FundingObligation.objects.select_for_update(no_key=True, of=("self",)).get(pk=obligation_id)


def open_charged_without_purchase(obligation: FundingObligation) -> None:
    """A person has to give the money back."""
    cases.open_obligation_case(
        kind=Case.Kind.CHARGED_WITHOUT_PURCHASE,
        obligation=obligation,
        summary="The funding card was charged, but the purchase was declined or reversed: refund the charge.",
    )
