"""One purchase from the tap to its settlement, as steps in words, each with the time since the tap."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from issuing import states
from issuing.activity import declines
from issuing.authorizations import issuer_reasons
from issuing.models import Authorization, CardTransaction, Decision, Dispute
from onecard.kit.money import Money
from wallet.models import FundingCharge, FundingRefund
from wallet.states import Charge, Refund

Type = CardTransaction.Type
CHARGED = {
    Charge.SUCCEEDED: "{card} was charged {money}",
    Charge.HELD: "{card} holds {money}",
    Charge.DECLINED: "{card} did not pay {money}",
    Charge.REFUSED: "{card} could not be charged {money}",
    Charge.CANCELED: "The charge of {money} to {card} was called off",
    Charge.REQUIRES_ACTION: "The bank of {card} wants you to confirm {money}",
}
MOVED = {
    Type.SETTLEMENT: "The merchant took {money}",
    Type.REFUND: "The merchant gave back {money}",
    Type.CHARGEBACK: "{money} came back by a dispute",
    Type.CHARGEBACK_REVERSAL: "The merchant won the dispute and took {money} again",
    Type.PROVISIONAL_CREDIT: "{money} came back for as long as the dispute lasts",
    Type.PROVISIONAL_DEBIT: "What came back for the dispute, {money}, was taken again",
}
DISPUTED = {
    states.Dispute.UNSUBMITTED: "You dispute {money}; we are gathering the evidence",
    states.Dispute.SUBMITTED: "The dispute of {money} is with the card network",
    states.Dispute.WON: "You won the dispute of {money}",
    states.Dispute.LOST: "The merchant won the dispute of {money}",
    states.Dispute.EXPIRED: "The dispute of {money} was not submitted in time",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened: when, how long after the tap, its kind for a frontend's icon, and in words."""

    at: dt.datetime
    after_ms: int
    kind: str
    text: str
    money: Money | None


def build(purchase: Authorization, *, time_zone: str) -> list[Step]:
    """Returns the steps of a purchase, the oldest first; one query for each kind of row."""
    found = sorted(_steps(purchase, time_zone), key=lambda step: step[0])
    start = found[0][0] if found else purchase.created_at
    return [
        Step(at, max(0, round((at - start).total_seconds() * 1000)), kind, text, money)
        for at, kind, text, money in found
    ]


def _steps(purchase: Authorization, time_zone: str) -> Iterator[tuple[dt.datetime, str, str, Money | None]]:
    decisions = list(Decision.objects.filter(authorization=purchase).order_by("pk"))
    if not decisions:
        yield _reported(purchase)
    for decision in decisions:
        yield decision.decided_at, _kind(decision), _decided(decision, time_zone), decision.money
    yield from _charges(purchase)
    yield from _refunds(purchase)
    for row in CardTransaction.objects.filter(authorization=purchase).order_by("pk"):
        if row.transaction_type in MOVED:
            text = MOVED[Type(row.transaction_type)].format(money=row.money)
            yield row.occurred_at, row.transaction_type, text, row.money
    for dispute in Dispute.objects.filter(authorization=purchase).order_by("pk"):
        text = DISPUTED[states.Dispute(dispute.status)].format(money=dispute.money)
        yield dispute.updated_at, f"dispute_{dispute.status}", text, dispute.money


def _reported(purchase: Authorization) -> tuple[dt.datetime, str, str, Money | None]:
    """The first step of a purchase that we were not asked about."""
    if purchase.status != states.Authorization.DECLINED:
        return purchase.created_at, "reported", "The card's issuer reported it without asking us", None
    asked = Money(purchase.declined_minor, purchase.currency) if purchase.declined_minor else None
    return purchase.created_at, "declined", issuer_reasons.sentence(purchase.issuer_reason), asked


def _kind(decision: Decision) -> str:
    if decision.approved:
        return "approved"
    return "taken_back" if decision.corrects_id else "declined"


def _decided(decision: Decision, time_zone: str) -> str:
    if decision.approved:
        return f"Approved {decision.money}"
    return declines.sentence(decision, time_zone=time_zone)


def _charges(purchase: Authorization) -> Iterator[tuple[dt.datetime, str, str, Money | None]]:
    rows = FundingCharge.objects.filter(obligation__purchase=purchase.reference, status__in=CHARGED)
    for row in rows.select_related("method", "obligation").order_by("pk"):
        text = CHARGED[Charge(row.status)].format(card=row.method, money=row.money)
        yield row.updated_at, f"charge_{row.status}", text, row.money


def _refunds(purchase: Authorization) -> Iterator[tuple[dt.datetime, str, str, Money | None]]:
    rows = FundingRefund.objects.filter(obligation__purchase=purchase.reference, status=Refund.SUCCEEDED)
    for row in rows.select_related("charge__method", "obligation").order_by("pk"):
        card = row.charge.method if row.charge else "Your card"
        yield row.updated_at, "refund_paid", f"{card} got back {row.money}", row.money
