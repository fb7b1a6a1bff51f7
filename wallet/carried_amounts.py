"""Amounts too small for the processor: carried to the cardholder's next charge in the currency (decision 0037).

An amount below the processor's minimum, or below its smallest unit, moves from its purchase to the account *Carried to
the next charge*. That settles the purchase. The next charge takes along everything that waits; an amount that waits too
long is written off. The locks of the charge that takes an amount along guard every change of it.
"""

import datetime as dt

from django.conf import settings
from django.db.models import QuerySet, Sum

from audit import trail
from onecard.kit import clock
from onecard.kit.currency_units import STRIPE_MINIMUM, stripe_step
from onecard.kit.money import Money
from onecard.kit.transactions import require_transaction, transaction
from wallet import reference_rates
from wallet.ledger import postings as ledger
from wallet.models import CarriedAmount, FundingCharge, FundingObligation, Posting

ACTOR = "system:carrying"
Status = CarriedAmount.Status
# The bound of one day's write-offs in a currency, in multiples of the processor's minimum.
MOST_WRITE_OFFS_A_DAY = 100
SWEEP_BATCH = 200
# A minimum that we only estimate may be wrong by this factor.
BELIEVED_MINIMUMS = 4


def minimum_minor(currency: str) -> int:
    """Returns the least that can be charged: the processor's minimum, and at least its smallest unit."""
    return max(STRIPE_MINIMUM.get(currency, 0), stripe_step(currency))


def is_below_minimum(money: Money) -> bool:
    """Returns whether the amount is small enough for the processor's "below the minimum" to be believed.

    For a currency outside its table, the processor converts the minimum of its own currency (docs/issuers/stripe.md,
    Minimum and maximum charge amounts).
    """
    return money.minor <= _likely_minimum_minor(money.currency) * BELIEVED_MINIMUMS


def _likely_minimum_minor(currency: str) -> int:
    known = STRIPE_MINIMUM.get(currency) or reference_rates.of_dollars(STRIPE_MINIMUM["USD"], currency) or 0
    return max(known, stripe_step(currency))


def carry(obligation: FundingObligation, minor: int, *, actor: str) -> CarriedAmount:
    """Moves `minor` of a purchase to the next charge; a negative amount is a credit. Under the obligation's lock."""
    require_transaction("A carried amount")
    now, reference = clock.now(), obligation.purchase or obligation.reference
    row = CarriedAmount.objects.create(
        cardholder_id=obligation.cardholder_id,
        purchase=reference,
        amount_minor=minor,
        currency=obligation.currency,
        created_at=now,
        updated_at=now,
    )
    _post(Posting.Kind.CARRIED, f"carried:{row.pk}", row, minor)
    trail.record(actor=actor, action="carried.waiting", subject=row, amount_minor=minor, purchase=reference)
    return row


def take_along(charge: FundingCharge, *, asked_minor: int) -> int:
    """Adds what waits for this cardholder and currency to the charge and returns that amount.

    The caller has the obligation's lock. Each amount goes on one charge only, however many charges are claimed at once.
    A credit keeps waiting while it would leave less than the processor's minimum to charge.
    """
    require_transaction("A carried amount on its charge")
    obligation, total = charge.obligation, 0
    mine = CarriedAmount.objects.filter(
        cardholder_id=obligation.cardholder_id, currency=obligation.currency, status=Status.WAITING
    )
    rows = list(mine.select_for_update(no_key=True, skip_locked=True).order_by("-amount_minor", "pk"))
    least = minimum_minor(obligation.currency)
    for row in rows:
        if row.amount_minor < 0 and asked_minor + total + row.amount_minor < least:
            continue
        total += row.amount_minor
        row.carrier = charge
    taken = [row for row in rows if row.carrier_id == charge.pk]
    if not taken or asked_minor + total < least:
        return 0
    ids = [row.pk for row in taken]
    CarriedAmount.objects.filter(pk__in=ids).update(status=Status.ON_CHARGE, carrier=charge, updated_at=clock.now())
    return total


def paid(charge: FundingCharge) -> None:
    """Ends the carried amounts of a charge that succeeded."""
    if not charge.carried_minor:
        return
    left = charge.carried_minor
    for row in _on(charge):
        left -= row.amount_minor
        _end(row, Status.PAID, actor=ACTOR)
        _post(Posting.Kind.CARRIED_PAID, f"carried_paid:{row.pk}:{charge.pk}", row, row.amount_minor)
    if left:
        # The charge counted as failed, so another charge took its carried amounts: the cardholder has a credit now.
        _pay_without_row(charge, left)


def return_to_waiting(charge: FundingCharge) -> None:
    """Returns the carried amounts of a failed charge to those that wait for the next one."""
    if charge.carried_minor:
        _on(charge).update(status=Status.WAITING, carrier=None, updated_at=clock.now())


def take_back(purchase: str, money: Money) -> None:
    """Ends what a purchase carried and no longer owes: what still waits goes away, what was paid becomes a credit.

    The caller has posted it back (wallet/obligations/off_card.py).
    """
    left = money.minor
    waiting = CarriedAmount.objects.filter(purchase=purchase, currency=money.currency, status=Status.WAITING)
    for row in waiting.filter(amount_minor__gt=0).select_for_update(no_key=True).order_by("pk"):
        part = min(left, row.amount_minor)
        if part == row.amount_minor:
            _end(row, Status.TAKEN_BACK, actor=ACTOR)
        elif part:
            CarriedAmount.objects.filter(pk=row.pk).update(amount_minor=row.amount_minor - part, updated_at=clock.now())
        left -= part
    left -= _win_back_written_off(purchase, Money(left, money.currency))
    if left:
        source = CarriedAmount.objects.filter(purchase=purchase, currency=money.currency).first()
        if source is not None:
            _credit(source.cardholder_id, purchase, Money(-left, money.currency))


def _win_back_written_off(purchase: str, money: Money) -> int:
    """Reduces our loss from a written-off amount that is no longer owed; nobody gets it as a credit."""
    won = 0
    lost = CarriedAmount.objects.filter(purchase=purchase, currency=money.currency, status=Status.WRITTEN_OFF)
    for row in lost.select_for_update(no_key=True).order_by("pk"):
        part = min(money.minor - won, row.amount_minor)
        if part <= 0:
            break
        key = f"carried_won_back:{row.pk}:{row.amount_minor}"
        back = Money(part, row.currency)
        ledger.post(kind=Posting.Kind.CARRIED_WRITTEN_OFF, key=key, money=back, reference=purchase, back=True)
        if part == row.amount_minor:
            _end(row, Status.TAKEN_BACK, actor=ACTOR)
        else:
            CarriedAmount.objects.filter(pk=row.pk).update(amount_minor=row.amount_minor - part, updated_at=clock.now())
        won += part
    return won


def sweep(*, now: dt.datetime | None = None) -> int:
    """Writes off what has waited for CARRY_DAYS, up to the day's bound, and returns how many. Credits keep waiting."""
    moment = now or clock.now()
    limit = moment - dt.timedelta(days=settings.CARRY_DAYS)
    old = CarriedAmount.objects.filter(status=Status.WAITING, amount_minor__gt=0, created_at__lt=limit)
    ids = list(old.order_by("created_at").values_list("pk", flat=True)[:SWEEP_BATCH])
    return sum(_write_off(pk) for pk in ids)


def _write_off(pk: int) -> bool:
    with transaction():
        row = CarriedAmount.objects.select_for_update(no_key=True).filter(pk=pk, status=Status.WAITING).first()
        if row is None or _written_off_minor(row.currency) + row.amount_minor > _days_bound(row.currency):
            return False
        _end(row, Status.WRITTEN_OFF, actor=ACTOR)
        _post(Posting.Kind.CARRIED_WRITTEN_OFF, f"carried_written_off:{row.pk}", row, row.amount_minor)
        return True


def _written_off_minor(currency: str) -> int:
    day = Posting.objects.filter(
        kind=Posting.Kind.CARRIED_WRITTEN_OFF, currency=currency, recorded_at__gte=clock.now() - dt.timedelta(days=1)
    )
    total: int = day.aggregate(total=Sum("amount_minor", default=0))["total"]
    return total


def _days_bound(currency: str) -> int:
    return _likely_minimum_minor(currency) * MOST_WRITE_OFFS_A_DAY


def _on(charge: FundingCharge) -> QuerySet[CarriedAmount]:
    return CarriedAmount.objects.filter(carrier=charge, status=Status.ON_CHARGE)


def _end(row: CarriedAmount, status: str, *, actor: str) -> None:
    CarriedAmount.objects.filter(pk=row.pk).update(status=status, updated_at=clock.now())
    trail.record(actor=actor, action=f"carried.{status}", subject=row, amount_minor=row.amount_minor)


def _post(kind: str, key: str, row: CarriedAmount, minor: int) -> None:
    ledger.post(kind=kind, key=key, money=Money(abs(minor), row.currency), reference=row.purchase, back=minor < 0)


def _credit(cardholder_id: int, purchase: str, money: Money) -> CarriedAmount:
    now = clock.now()
    return CarriedAmount.objects.create(
        cardholder_id=cardholder_id,
        purchase=purchase,
        amount_minor=money.minor,
        currency=money.currency,
        created_at=now,
        updated_at=now,
    )


def _pay_without_row(charge: FundingCharge, minor: int) -> None:
    obligation = charge.obligation
    money = Money(-minor, obligation.currency)
    row = _credit(obligation.cardholder_id, obligation.purchase or obligation.reference, money)
    _post(Posting.Kind.CARRIED_PAID, f"carried_paid:{row.pk}:{charge.pk}", row, minor)
