"""What a cardholder asks to have disputed: opened by them, reviewed by staff, or withdrawn while nobody has sent it.

issuing/disputes/submission.py hands it to the issuer; from there issuing/disputes/lifecycle.py follows the dispute.
"""

from dataclasses import dataclass

from django.db import IntegrityError
from django.db.models import Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from audit import trail
from issuing import locking, states
from issuing.billing import position
from issuing.disputes import dispute_notices
from issuing.disputes.request_errors import DisputeRefusedError
from issuing.issuers.disputes import time_limit
from issuing.models import Authorization, CardTransaction, Dispute, DisputeEvidence, DisputeRequest
from onecard.kit import clock, display
from onecard.kit.money import Money
from onecard.kit.reasons import checked_reason
from onecard.kit.transactions import savepoint, transaction
from onecard.kit.transitions import sources_of
from onecard.outbox import services as outbox
from wallet import cases
from wallet.models import Cardholder, Case

Status = states.DisputeRequest
LONGEST_REFUSAL = 300
WITH_THE_NETWORK = (
    "The card network has this dispute, and nobody can take it back here. If the merchant gave the money back, or you "
    "know the purchase after all, tell our support: they ask the card's issuer to end it."
)
CASES = (Case.Kind.DISPUTE_REQUESTED, Case.Kind.DISPUTE_DUE, Case.Kind.DISPUTE_NOT_SENT)


@dataclass(frozen=True, slots=True)
class ByStaff:
    """Who opened a dispute for its cardholder (such as user:7), and how the cardholder asked for it."""

    actor: str
    why: str


def open_request(
    *,
    holder: Cardholder,
    purchase: Authorization,
    reason: str,
    text: str,
    amount: Money | None,
    capture_id: str = "",
    by_staff: ByStaff | None = None,
) -> DisputeRequest:
    """Records that a person disputes a capture of their purchase; without an amount, all that is left of it.

    `capture_id` is the issuer's id of the capture, needed where there are several. Raises DisputeRefusedError.
    """
    with locking.locked_purchase(purchase) as locked:
        capture = _capture(locked, capture_id)
        refuse_if_disputed(capture)
        due_at = capture.occurred_at + time_limit(capture.provider)
        if due_at <= clock.now():
            raise DisputeRefusedError(
                format_lazy(
                    gettext_lazy("The card network took disputes of this payment until {due_at}."),
                    due_at=display.moment(due_at),
                ),
                code="dispute_too_late",
            )
        left = left_of(capture)
        asked = amount or left
        _check_amount(asked, left)
        request = _request(holder, capture, reason=reason, text=text, asked=asked)
        return _write(request, capture, by_staff)


def accept(
    *, request: DisputeRequest, amount: Money, reason: str, actor: str, file: DisputeEvidence | None = None
) -> DisputeRequest:
    """Records that staff submit a request, for at most the amount asked for; a worker sends it after the commit.

    `file` is the one document that goes along, where the issuer takes one.

    Raises DisputeRefusedError when it is not possible any more.
    """
    with locking.locked_purchase(request.authorization):
        fresh = DisputeRequest.objects.select_related("transaction__authorization").get(pk=request.pk)
        if fresh.transaction.authorization_id != fresh.authorization_id:
            raise DisputeRefusedError(
                gettext_lazy("Staff have said since that this payment is of another purchase: refuse it."),
                code="dispute_other_purchase",
            )
        _check_amount(amount, _smaller(fresh.money, left_of(fresh.transaction)))
        if fresh.due_at <= clock.now():
            raise DisputeRefusedError(
                gettext_lazy("The card network takes no dispute of this payment any more: refuse it."),
                code="dispute_too_late",
            )
        now = clock.now()
        changes = {"amount_minor": amount.minor, "reason": reason, "accepted_at": now, "next_attempt_at": now}
        _move(fresh, Status.ACCEPTED, actor=actor, **changes)
        if file is not None:
            fresh.evidence.filter(pk=file.pk).update(goes_to_issuer=True)
            chosen = str(file.public_id)
            trail.record(actor=actor, action="dispute_request.evidence_chosen", subject=fresh, file=chosen)
        outbox.put(topic="dispute.accepted", request_id=fresh.pk)
        cases.resolve_cases(reference=fresh.reference, kinds=(Case.Kind.DISPUTE_REQUESTED,))
        return fresh


def refuse(*, request: DisputeRequest, reason: str, actor: str) -> DisputeRequest:
    """Ends a request that staff do not submit; the cardholder reads the reason. Raises DisputeRefusedError."""
    words = checked_reason(reason, error=_NoReasonError, longest=LONGEST_REFUSAL)
    return _end(request, Status.REFUSED, actor=actor, refusal=words)


def withdraw(*, request: DisputeRequest, actor: str) -> DisputeRequest:
    """Withdraws a request for its cardholder; one that is withdrawn already stays so. Raises DisputeRefusedError.

    No issuer takes a submitted dispute back (docs/issuers/stripe.md, Disputes; docs/issuers/marqeta.md, Chargebacks).
    """
    if request.status == Status.WITHDRAWN:
        return request
    if request.status == Status.SUBMITTED:
        raise DisputeRefusedError(WITH_THE_NETWORK, code="dispute_not_open")
    return _end(request, Status.WITHDRAWN, actor=actor)


def captures_of(purchase: Authorization) -> list[CardTransaction]:
    """Returns what the merchant took for a purchase, the earliest first: each is disputed by itself."""
    rows = CardTransaction.objects.filter(
        authorization=purchase,
        transaction_type=CardTransaction.Type.SETTLEMENT,
        processing_status=CardTransaction.Processing.SETTLED,
    ).select_related("authorization")
    return list(rows.order_by("pk"))


def left_of(capture: CardTransaction) -> Money:
    """Returns what of a capture was not given back, in the capture's currency.

    Refunds are counted by purchase and in its currency; a capture in another currency is left whole, or not at all. So
    nothing is left of one that staff have taken off its purchase.
    """
    purchase = capture.authorization
    if purchase is None:
        return Money(0, capture.currency)
    left_minor = position.left_minor([purchase])[purchase.pk]
    if capture.currency == purchase.currency:
        return Money(max(0, min(capture.amount_minor, left_minor)), capture.currency)
    return Money(capture.amount_minor if left_minor > 0 else 0, capture.currency)


def refuse_if_disputed(capture: CardTransaction) -> None:
    """Raises DisputeRefusedError while the purchase has an open dispute, and once this capture was disputed."""
    waits = Q(status__in=states.OPEN_DISPUTE_REQUEST)
    runs = Q(status=Status.SUBMITTED, dispute__status__in=states.OPEN_DISPUTE)
    requests = DisputeRequest.objects.filter(waits | runs, authorization=capture.authorization)
    disputes = Dispute.objects.filter(authorization=capture.authorization)
    if requests.exists() or disputes.filter(status__in=states.OPEN_DISPUTE).exists():
        raise DisputeRefusedError(gettext_lazy("A dispute of this purchase is open already."), code="dispute_open")
    if disputes.filter(transaction=capture).exists():
        raise DisputeRefusedError(
            gettext_lazy("This payment was disputed before, and that is decided."), code="dispute_decided"
        )


class _NoReasonError(DisputeRefusedError):
    def __init__(self, message: str) -> None:
        super().__init__(message, code="dispute_no_reason")


def _capture(purchase: Authorization, capture_id: str) -> CardTransaction:
    captures = captures_of(purchase)
    if not captures:
        raise DisputeRefusedError(
            gettext_lazy("The merchant has not taken any money for this purchase, so there is nothing to dispute."),
            code="nothing_captured",
        )
    found = [each for each in captures if capture_id in ("", each.issuer_transaction_id)]
    if len(found) != 1:
        words = "The merchant took money several times: say which of" if found else "Choose one of"
        names = ", ".join(each.issuer_transaction_id for each in captures)
        raise DisputeRefusedError(
            format_lazy(gettext_lazy("{words} these transactions: {names}."), words=words, names=names),
            code="which_capture",
            field="transaction",
        )
    return found[0]


def _check_amount(asked: Money, left: Money) -> None:
    if not left.minor:
        raise DisputeRefusedError(
            gettext_lazy("All of this payment was given back already, so there is nothing to dispute."),
            code="nothing_captured",
        )
    if asked.currency != left.currency:
        raise DisputeRefusedError(
            format_lazy(gettext_lazy("Give the amount in {currency}."), currency=left.currency),
            code="amount_currency",
            field="amount",
        )
    if not 0 < asked.minor <= left.minor:
        raise DisputeRefusedError(
            format_lazy(
                gettext_lazy("Dispute more than nothing and at most the {left} that is left of this payment."),
                left=str(left),
            ),
            code="amount_too_high",
            field="amount",
        )


def _smaller(asked: Money, left: Money) -> Money:
    return asked if asked.minor <= left.minor else left


def _request(holder: Cardholder, capture: CardTransaction, *, reason: str, text: str, asked: Money) -> DisputeRequest:
    now = clock.now()
    return DisputeRequest(
        cardholder=holder,
        authorization=capture.authorization,
        transaction=capture,
        reason=reason,
        text=text,
        amount_minor=asked.minor,
        currency=asked.currency,
        due_at=capture.occurred_at + time_limit(capture.provider),
        created_at=now,
        updated_at=now,
    )


def _write(request: DisputeRequest, capture: CardTransaction, by_staff: ByStaff | None) -> DisputeRequest:
    """Stores the request with its audit entry and its case."""
    try:
        with savepoint():
            request.save(force_insert=True)
    except IntegrityError:
        raise DisputeRefusedError(gettext_lazy("This payment was disputed before."), code="dispute_decided") from None
    holder = request.cardholder
    trail.record(
        actor=by_staff.actor if by_staff else f"user:{holder.user_id}",
        action="dispute_request.requested",
        subject=request,
        reason=request.reason,
        amount_minor=request.amount_minor,
        currency=request.currency,
        **({"for_cardholder": holder.pk, "why": by_staff.why} if by_staff else {}),
    )
    due = display.moment(request.due_at)
    summary = f"{holder.name} disputes {request.money} of {capture.merchant_name}; due {due}."
    cases.open_case(kind=Case.Kind.DISPUTE_REQUESTED, reference=request.reference, money=request.money, summary=summary)
    return request


def _end(request: DisputeRequest, target: str, *, actor: str, **changes: object) -> DisputeRequest:
    with transaction():
        _move(request, target, actor=actor, **changes)
        cases.resolve_cases(reference=request.reference, kinds=CASES)
    return request


def _move(request: DisputeRequest, target: str, *, actor: str, **changes: object) -> None:
    sources = sources_of(states.DISPUTE_REQUEST_MOVES, target)
    rows = DisputeRequest.objects.filter(pk=request.pk, status__in=sources)
    if rows.update(status=target, updated_at=clock.now(), **changes) != 1:
        raise DisputeRefusedError(
            gettext_lazy(
                "This dispute is on its way to the card network or over, so it cannot be changed here any more."
            ),
            code="dispute_not_open",
        )
    trail.record(actor=actor, action=f"dispute_request.{target}", subject=request, **_details(changes))
    request.refresh_from_db()
    dispute_notices.request_moved(request)


def _details(changes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in changes.items() if name in ("amount_minor", "reason", "refusal")}
