"""The rewards book's one writer: what each charge of a purchase earned, and what its refunds took from that.

All follows from the rows as they stand, so an entry may be asked for twice, at once, late or out of order, and is there
once (docs/decisions/0016). Who asks is issuing/rewards/sweep.py.
"""

import datetime as dt
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from issuing.models import Authorization, Decision, RewardEntry
from issuing.models.rewards import SIGNED
from onecard.kit import clock
from onecard.kit.transactions import transaction
from routing import rewards
from routing.models import MerchantCategory
from wallet import states
from wallet.models import FundingCharge, FundingRefund
from wallet.references import Subject

Kind = RewardEntry.Kind
# One that failed is canceled when another is sent in its place.
CAME_BACK = (states.Refund.FAILED, states.Refund.CANCELED)


def book_charge(charge_id: int) -> bool:
    """Books what a charge of a purchase earned; False when it is booked, has not succeeded, or is a top-up.

    The rate is the one that the purchase's decision saw for the card that really paid. A card without a ranking earns
    nothing that we know of: rate 0 against the full baseline, so its benefit is negative. Raises RewardTooLargeError.
    """
    charge = FundingCharge.objects.select_related("obligation__cardholder", "method__product").get(pk=charge_id)
    purchase = _purchase_of(charge)
    if charge.status != states.Charge.SUCCEEDED or purchase is None:
        return False
    rate_milli, reward_type = _ranking_used(charge, purchase)
    reward = rewards.estimate(
        amount=charge.obligation.payable, reward_rate=Decimal(rate_milli).scaleb(-3), reward_type=reward_type
    )
    category = MerchantCategory.objects.filter(code=purchase.mcc).first()
    return _write(
        key=f"charge:{charge.public_id}",
        kind=Kind.CHARGE,
        booked=rewards.book(reward),
        charge=charge,
        earned_at=charge.finished_at or charge.updated_at,
        purchase=purchase,
        method=charge.method,
        programme=charge.method.product.name if charge.method.product else charge.method.name,
        reward_type=reward_type,
        rate_milli=rate_milli,
        amount_minor=charge.obligation.payable.minor,
        currency=charge.obligation.currency,
        mcc=purchase.mcc,
        category=category.description if category else purchase.merchant_category,
    )


def book_refund(refund_id: int) -> bool:
    """Takes a refund's share of its charge's reward out of the book, or puts it back when the refund failed after all.

    False when there is nothing to do. A refund that comes before its charge's entry has that written first.
    """
    refund = FundingRefund.objects.select_related("charge__obligation__cardholder").get(pk=refund_id)
    if refund.charge is None or refund.status not in (states.Refund.SUCCEEDED, *CAME_BACK):
        return False
    book_charge(refund.charge.pk)
    with transaction():
        # Refunds of one charge take turns here: what one takes depends on what the others took.
        of_charge = RewardEntry.objects.select_for_update(no_key=True).filter(charge=refund.charge, kind=Kind.CHARGE)
        earned = of_charge.select_related(None).first()
        if earned is None:
            return False
        if refund.status in CAME_BACK:
            return _put_back(refund, earned)
        return _take(refund, earned)


def _purchase_of(charge: FundingCharge) -> Authorization | None:
    key = Subject.PURCHASE.key_in(charge.obligation.purchase)
    return Authorization.objects.filter(pk=key).first() if key is not None else None


def _ranking_used(charge: FundingCharge, purchase: Authorization) -> tuple[int, str]:
    """Rate in thousandths and type that the decision saw for the card that paid; 0 and "" when it had no ranking.

    A charge beyond what was approved, such as a tip, has no decision of its own: the purchase's latest approval counts.
    """
    approvals = Decision.objects.filter(authorization=purchase, approved=True).order_by("-pk")
    decision = Decision.objects.filter(obligation=charge.obligation).first() or approvals.first()
    candidates = decision.trace.get("candidates") or [] if decision else []
    row = next((each for each in candidates if each["method_id"] == charge.method_id), None)
    if row is None or row["reward_rate"] is None:
        return 0, ""
    return int(Decimal(row["reward_rate"]).scaleb(3)), row["reward_type"]


def _take(refund: FundingRefund, earned: RewardEntry) -> bool:
    returned = Q(kind=Kind.REFUND)
    before = RewardEntry.objects.filter(charge=refund.charge, refund__isnull=False).aggregate(
        returned=Sum("amount_minor", filter=returned, default=0),
        came_back=Sum("amount_minor", filter=~returned, default=0),
        **{name: Sum(name, default=0) for name in SIGNED},
    )
    part = rewards.share(
        earned.booked,
        returned_minor=int(before["returned"] - before["came_back"]) + refund.amount_minor,
        amount_minor=earned.amount_minor,
        taken=-rewards.Booked(*(int(before[name]) for name in SIGNED)),
    )
    return _write_about(refund, earned, key=f"refund:{refund.public_id}", kind=Kind.REFUND, booked=-part)


def _put_back(refund: FundingRefund, earned: RewardEntry) -> bool:
    taken = RewardEntry.objects.filter(refund=refund, kind=Kind.REFUND).first()
    if taken is None:
        return False
    key = f"refund_failed:{refund.public_id}"
    return _write_about(refund, earned, key=key, kind=Kind.REFUND_FAILED, booked=-taken.booked)


def _write_about(refund: FundingRefund, earned: RewardEntry, *, key: str, kind: str, booked: rewards.Booked) -> bool:
    """Returns the card, rate and category of a refund's entry: those of its charge's entry."""
    assert refund.charge is not None  # noqa: S101  (the caller looked)
    return _write(
        key=key,
        kind=kind,
        booked=booked,
        charge=refund.charge,
        earned_at=refund.finished_at or refund.updated_at,
        refund=refund,
        purchase_id=earned.purchase_id,
        method_id=earned.method_id,
        programme=earned.programme,
        reward_type=earned.reward_type,
        rate_milli=earned.rate_milli,
        amount_minor=refund.amount_minor,
        currency=earned.currency,
        mcc=earned.mcc,
        category=earned.category,
    )


def _write(
    *, key: str, kind: str, booked: rewards.Booked, charge: FundingCharge, earned_at: dt.datetime, **columns: Any
) -> bool:
    zone = charge.obligation.cardholder.time_zone
    facts = {
        "kind": kind,
        "charge": charge,
        "earned_at": earned_at,
        "local_month": clock.local_day(earned_at, zone).replace(day=1),
        "recorded_at": clock.now(),
    }
    _, is_new = RewardEntry.objects.get_or_create(key=key, defaults=facts | asdict(booked) | columns)
    return is_new
