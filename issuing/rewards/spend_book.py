"""How full the caps of funding cards are: the one writer of bookings and of the sums that decisions read.

All follows from the charge and its refunds as they stand, so a charge may be looked at twice, at once, late or out of
order, and counts once (docs/decisions/0064). Who looks is issuing/rewards/spend_sweep.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import F, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from issuing.models import Authorization, Decision
from issuing.rewards import space_prices
from onecard.kit import clock
from onecard.kit.time_zones import zone_of
from onecard.kit.transactions import transaction
from routing.models import CardSpend, SpendBooking
from routing.value.spend import Purchase
from routing.valued.booking import Charged, Share, shares_of
from wallet import states
from wallet.models import FundingCharge, FundingRefund
from wallet.references import Subject

Status = SpendBooking.Status
PENDING: Final = frozenset(states.LIVE_CHARGE) - {states.Charge.SUCCEEDED}
# A sum's name, tag and first day, with its change in pending and in posted minor units.
Change = tuple[tuple[str, str, str], int, int]


@dataclass(frozen=True, slots=True)
class ChargeState:
    """What the wallet's rows say of a charge: its state for caps, its whole amount, and what is left of it."""

    status: str
    amount_minor: int
    kept_minor: int


def book_spend(charge_id: int) -> bool:
    """Brings a charge's booking and the sums up to what the wallet's rows say; False for a charge of no purchase."""
    charge = FundingCharge.objects.select_related("obligation__cardholder", "method__cardholder").get(pk=charge_id)
    purchase = _purchase_of(charge)
    if purchase is None:
        return False
    space_prices.begin(charge.obligation.cardholder)
    with transaction():
        _begin(charge, purchase)
        booking = SpendBooking.objects.select_for_update(no_key=True, of=("self",)).get(charge=charge)
        # Read behind the lock, so that the last one who looks has the last word.
        looked_at, state = clock.now(), states_of({charge_id: booking.amount_minor})[charge_id]
        _apply(booking.method_id, changes(booking, state))
        booking.status, booking.kept_minor, booking.looked_at = state.status, state.kept_minor, looked_at
        booking.save(update_fields=["status", "kept_minor", "looked_at"])
    return True


def behind(charge_ids: Iterable[int]) -> set[int]:
    """Returns which of these charges have a booking that says something else than the wallet's rows."""
    bookings = {each.charge_id: each for each in SpendBooking.objects.filter(charge_id__in=charge_ids)}
    found = states_of({pk: each.amount_minor for pk, each in bookings.items()})
    return {
        pk
        for pk, each in bookings.items()
        if (each.status, each.kept_minor) != (found[pk].status, found[pk].kept_minor)
    }


def states_of(amounts_minor: Mapping[int, int]) -> dict[int, ChargeState]:
    """Returns how charges stand, by their ids: pending, posted or given back, and what is left of them after refunds.

    `amounts_minor` has the whole amount of each.
    """
    refunds = FundingRefund.objects.filter(charge=OuterRef("pk"), status=states.Refund.SUCCEEDED)
    returned = refunds.order_by().values("charge").values(sum=Sum("amount_minor"))
    charges = FundingCharge.objects.filter(pk__in=amounts_minor).select_related("obligation")
    found = charges.annotate(returned_minor=Coalesce(Subquery(returned), Value(0)))
    return {each.pk: _state(each, int(each.returned_minor), amounts_minor[each.pk]) for each in found}


def _state(charge: FundingCharge, returned_minor: int, amount_minor: int) -> ChargeState:
    status = Status.RELEASED
    if charge.status == states.Charge.SUCCEEDED:
        status = Status.POSTED
    elif charge.status in PENDING:
        status = Status.PENDING
    payable = min(charge.money.minor, charge.obligation.payable.minor)
    kept = 0 if status == Status.RELEASED else min(amount_minor, max(0, payable - returned_minor))
    return ChargeState(status, amount_minor, kept)


def changes(booking: SpendBooking, to: ChargeState) -> list[Change]:
    """Returns what the sums change by when a booking goes from what it says to this state."""
    found = []
    for name, tag, first, minor in booking.shares:
        was = counted(booking.status, minor, booking.kept_minor, booking.amount_minor)
        is_now = counted(to.status, minor, to.kept_minor, to.amount_minor)
        pending, posted = is_now[0] - was[0], is_now[1] - was[1]
        if pending or posted:
            found.append(((name, tag, first), pending, posted))
    return found


def counted(status: str, minor: int, kept_minor: int, amount_minor: int) -> tuple[int, int]:
    """Returns the pending and the posted part of a share, in proportion to what is left of the amount."""
    part = minor * kept_minor // amount_minor if amount_minor else 0
    return (part if status == Status.PENDING else 0, part if status == Status.POSTED else 0)


def _begin(charge: FundingCharge, purchase: Authorization) -> None:
    """Writes the charge's booking with nothing kept, if it has none; its shares are decided once."""
    if SpendBooking.objects.filter(charge=charge).exists():
        return
    amount = charge.money.minor
    SpendBooking.objects.bulk_create(
        [
            SpendBooking(
                charge=charge,
                method=charge.method,
                status=Status.RELEASED,
                amount_minor=amount,
                kept_minor=0,
                shares=_shares(charge, purchase),
                looked_at=clock.now(),
            )
        ],
        ignore_conflicts=True,
    )


def _shares(charge: FundingCharge, purchase: Authorization) -> list[Share]:
    approvals = Decision.objects.filter(authorization=purchase, approved=True).order_by("-pk")
    decision = Decision.objects.filter(obligation=charge.obligation).first() or approvals.first()
    decided_at = decision.decided_at if decision else charge.created_at
    local = decided_at.astimezone(zone_of(charge.obligation.cardholder.time_zone)).replace(tzinfo=None)
    country = purchase.merchant_country or "US"
    bought = Purchase(local, purchase.mcc, purchase.merchant_name, charge.money.minor, country)
    trace = decision.trace if decision and isinstance(decision.trace, dict) else {}
    return shares_of(Charged(charge.method, bought, trace))


def _apply(method_id: int, found: Iterable[Change]) -> None:
    """Adds changes to the card's sums, always in the same order, so that two writers cannot block each other."""
    for (name, tag, first), pending, posted in sorted(found):
        key = {"method_id": method_id, "name": name, "tag": tag, "starts_on": first}
        CardSpend.objects.bulk_create([CardSpend(**key)], ignore_conflicts=True)
        CardSpend.objects.filter(**key).update(
            pending_minor=F("pending_minor") + pending, posted_minor=F("posted_minor") + posted
        )


def _purchase_of(charge: FundingCharge) -> Authorization | None:
    key = Subject.PURCHASE.key_in(charge.obligation.purchase)
    return Authorization.objects.filter(pk=key).first() if key is not None else None
