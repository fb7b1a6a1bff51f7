"""The cascade: after a final failure the next card is charged; when no card is left, the cardholder owes the amount.

Every step reads the rows under the obligation's lock, so a step may run twice, at once, late or again. The database
keeps at most one live charge per obligation (wallet/models/funding.py).
"""

import datetime as dt
import logging
import uuid
from collections.abc import Sequence
from enum import StrEnum

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from onecard.outbox import services as outbox
from onecard.outbox.models import Message
from wallet import cases, payment_notices, states
from wallet import locking as wallet_locking
from wallet.charges import declines
from wallet.methods import usable as methods
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome
from wallet.references import Subject
from wallet.refunds import records as refunds

log = logging.getLogger(__name__)

# The queue gets this head start before the sweeper looks.
SWEEP_GRACE = dt.timedelta(seconds=30)
SWEEP_BATCH = 100
# The failure code of a hold that its bank released (wallet/charges/outcomes.py).
HOLD_LAPSED = "hold_lapsed"
# A charge of a released obligation is canceled as well: its cardholder could still confirm it.
MAY_WAIT_FOR_A_PERSON = (states.Obligation.OPEN, states.Obligation.RELEASED)
# The least time between two retries, however late the first one was.
BETWEEN_RETRIES = dt.timedelta(minutes=30)
# A case of these kinds, open or closed, ends the cascade for good.
ENDS = (Case.Kind.RECEIVABLE, Case.Kind.FUNDING_REFUSED, Case.Kind.FUNDING_DECLINED)


class Step(StrEnum):
    """What a call of `next_charge` did."""

    NOTHING = "nothing"  # It was done before, or is no longer needed.
    CHARGED = "charged"  # The next card is being charged.
    OWED = "owed"  # No card is left: the cardholder owes it.


def next_charge(*, obligation_id: int, method_ids: Sequence[int], actor: str) -> Step:
    """Charges the first of these methods that can pay and was not tried yet, then the backup card.

    When no card is left it opens the receivable's case and schedules retries of soft declines.
    """
    with transaction():
        obligation = wallet_locking.lock(obligation_id)
        if not _is_waiting(obligation):
            return Step.NOTHING
        if not owed(obligation).minor:
            obligations.release(obligation_id=obligation_id, actor=actor)
            return Step.NOTHING
        method = _next_method(obligation, method_ids)
        if method is None:
            _give_up(obligation, actor)
            return Step.OWED
        charge = write_charge(obligation, method, due_at=clock.now(), actor=actor)
        outbox.put(topic="funding.requested", charge_id=charge.pk)
        return Step.CHARGED


def continue_after_failure(
    obligation: FundingObligation, charge: FundingCharge, outcome: Outcome, *, actor: str
) -> None:
    """Continues after a purchase's charge has failed: the next card, or a case. Runs in the failure's commit.

    `charge` is the row from before the failure. A failure that another card would meet too goes to a person.
    """
    receivable = _receivable(obligation)
    if receivable is not None and outcome.status != states.Charge.REQUIRES_ACTION:
        if receivable.status == Case.Status.OPEN:
            _retry_later(obligation, receivable, actor)
    elif _is_about_the_charge(charge, outcome):
        cases.open_obligation_case(
            kind=Case.Kind.FUNDING_REFUSED, obligation=obligation, summary=declines.sentence(charge.method, outcome)
        )
    else:
        outbox.put(topic="funding.failed", obligation_id=obligation.pk)


def owed(obligation: FundingObligation) -> Money:
    """Returns what is still owed of an unpaid obligation: its amount less what is no longer needed."""
    return Money(obligation.payable.minor - refunds.given_back_minor(obligation), obligation.currency)


def sweep(*, now: dt.datetime | None = None) -> int:
    """Sends lost messages of the cascade again, from the database alone; returns how many (money-safety I11)."""
    limit = (now or clock.now()) - SWEEP_GRACE
    unsent = Message.objects.filter(topic="funding.failed", published_at__isnull=True)
    waiting = set(unsent.values_list("payload__obligation_id", flat=True))
    forgotten = [pk for pk in _stuck(limit) if pk not in waiting]
    for obligation_id in forgotten:
        with transaction():
            outbox.put(topic="funding.failed", obligation_id=obligation_id)
    return len(forgotten)


def _stuck(limit: dt.datetime) -> list[int]:
    """Returns the ids of the obligations that nobody continues, oldest first. Each half reads a small index."""
    ids = _failed(limit).union(_waiting_for_person(limit), all=True).order_by("updated_at")[:SWEEP_BATCH]
    return [pk for pk, _updated_at in ids]


def _failed(limit: dt.datetime) -> QuerySet[FundingObligation, tuple[int, dt.datetime]]:
    alive = FundingCharge.objects.filter(obligation=OuterRef("pk"), status__in=states.LIVE_CHARGE)
    ended = Case.objects.filter(Q(kind__in=ENDS) | _stops(), obligation=OuterRef("pk"))
    failed = FundingObligation.objects.filter(
        ~Exists(alive), ~Exists(ended), status=states.Obligation.FAILED, updated_at__lt=limit
    )
    return failed.exclude(purchase__startswith=Subject.CARD.prefix).order_by().values_list("pk", "updated_at")


def _waiting_for_person(limit: dt.datetime) -> QuerySet[FundingObligation, tuple[int, dt.datetime]]:
    needs_person = FundingCharge.objects.filter(status=states.Charge.REQUIRES_ACTION, updated_at__lt=limit)
    has_case = Case.objects.filter(obligation=OuterRef("pk"), kind=Case.Kind.FUNDING_NEEDS_CARDHOLDER)
    found = FundingObligation.objects.filter(
        ~Exists(has_case),
        pk__in=needs_person.values("obligation"),
        status__in=MAY_WAIT_FOR_A_PERSON,
        updated_at__lt=limit,
    )
    return found.order_by().values_list("pk", "updated_at")


def _stops() -> Q:
    """Selects an open case of a second charge: money was taken that we cannot place, so no card is charged."""
    return Q(kind=Case.Kind.TWO_CHARGES, status=Case.Status.OPEN)


def _is_waiting(obligation: FundingObligation) -> bool:
    """Returns whether the obligation failed, has no live charge, and neither the cascade nor a person has ended it."""
    if obligation.status != states.Obligation.FAILED or obligation.is_top_up:
        return False
    alive = obligation.charges.filter(status__in=states.LIVE_CHARGE).exists()
    return not (alive or obligation.cases.filter(Q(kind__in=ENDS) | _stops()).exists())


def _is_about_the_charge(charge: FundingCharge, outcome: Outcome) -> bool:
    """Returns whether another card would not help, or a person canceled the charge on purpose."""
    if outcome.status == states.Charge.CANCELED:
        # The cascade itself cancels a charge that waited for its cardholder (wallet/charges/cancel.py). A hold that its
        # bank released is charged again.
        return charge.status not in (states.Charge.REQUIRES_ACTION, *states.HOLDING)
    return outcome.status == states.Charge.REFUSED and not declines.blames_method(outcome)


def _next_method(obligation: FundingObligation, method_ids: Sequence[int]) -> FundingMethod | None:
    """Returns the first candidate that can be charged, else the backup card. Each card is tried once.

    A card whose hold lapsed never declined, so it is tried once more, before the others.
    """
    wallet = FundingMethod.objects.filter(cardholder_id=obligation.cardholder_id).select_related("cardholder")
    lapsed = _lapsed(obligation)
    asked = obligation.charges.exclude(method__in=lapsed)
    untried = wallet.exclude(pk__in=asked.values("method"))
    return methods.first_usable(untried, order=(*lapsed, *method_ids), currency=obligation.currency)


def _lapsed(obligation: FundingObligation) -> list[int]:
    """Returns the cards that were asked once and whose hold their bank released."""
    charges = list(obligation.charges.values_list("method_id", "failure_code"))
    asked = [method_id for method_id, _code in charges]
    return [method_id for method_id, code in charges if code == HOLD_LAPSED and asked.count(method_id) == 1]


def _give_up(obligation: FundingObligation, actor: str) -> None:
    """Opens the receivable's case, has the cardholder notified, and schedules retries of soft declines."""
    last = obligation.charges.select_related("method").order_by("-sequence").first()
    tried = obligation.charges.values("method").distinct().count()
    case = cases.open_obligation_case(
        kind=Case.Kind.RECEIVABLE,
        obligation=obligation,
        money=owed(obligation),
        summary=_tried_in_words(last, tried),
    )
    payment_notices.unpaid(case, obligation)
    outbox.put(topic="cardholder.notify", case_id=case.pk)
    _retry_later(obligation, case, actor)


def _tried_in_words(last: FundingCharge | None, tried: int) -> str:
    if last is None:
        return "No card could be charged."
    cards = "1 card" if tried == 1 else f"{tried} cards"
    return f"{cards} tried, none could pay. The last: {declines.sentence(last.method, last)}"


def _retry_later(obligation: FundingObligation, receivable: Case, actor: str) -> None:
    """Writes the next retry with its due time, hours after the receivable (CASCADE_RETRIES_H)."""
    charges = list(obligation.charges.select_related("method__cardholder").order_by("sequence"))
    retries = len(charges) - len({charge.method_id for charge in charges})
    method = _softest(obligation, charges)
    if method is None or retries >= len(settings.CASCADE_RETRIES_H):
        return
    due_at = receivable.opened_at + dt.timedelta(hours=settings.CASCADE_RETRIES_H[retries])
    write_charge(obligation, method, due_at=max(due_at, clock.now() + BETWEEN_RETRIES), actor=actor)


def _softest(obligation: FundingObligation, charges: Sequence[FundingCharge]) -> FundingMethod | None:
    """Returns, of the cards with a soft last decline, the least tried one, and of those the first in line."""
    attempts: dict[int, list[FundingCharge]] = {}
    for charge in charges:
        attempts.setdefault(charge.method_id, []).append(charge)
    soft = [
        (len(own), place, own[-1].method)
        for place, own in enumerate(attempts.values())
        if declines.may_be_retried(own[-1], attempts=len(own))
        and methods.is_usable(own[-1].method, currency=obligation.currency, even_cooling=True)
    ]
    return min(soft, key=lambda found: found[:2])[2] if soft else None


def write_charge(
    obligation: FundingObligation, method: FundingMethod, *, due_at: dt.datetime, actor: str
) -> FundingCharge:
    """Writes the next charge for what the obligation owes by now. The caller has the lock; no charge is alive.

    The charge has its own idempotency key, because Stripe ties a key to one card for ever.
    """
    obligations.give_up_waiting(obligation, actor=actor)
    left, now, public_id = owed(obligation), clock.now(), uuid.uuid4()
    last = obligation.charges.order_by("-sequence").values_list("sequence", flat=True).first()
    charge = FundingCharge.objects.create(
        public_id=public_id,
        obligation=obligation,
        method=method,
        sequence=(last or 0) + 1,
        amount_minor=left.minor if left != obligation.money else None,
        idempotency_key=f"charge-{public_id}",
        next_attempt_at=due_at,
        created_at=now,
        updated_at=now,
    )
    obligations.move(obligation, states.Obligation.OPEN, actor=actor)
    return charge


def _receivable(obligation: FundingObligation) -> Case | None:
    return obligation.cases.filter(kind=Case.Kind.RECEIVABLE).order_by("-pk").first()
