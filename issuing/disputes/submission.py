"""Handing accepted dispute requests to the issuer: claim and commit, call, record and commit (onecard/kit/attempts.py).

The request's public id is the issuer's key, by which the adapter looks up what an earlier call began. So a worker that
dies between call and record, or gets no answer, makes no second dispute.
"""

import datetime as dt

from audit import trail
from issuing import states
from issuing.disputes import dispute_notices, evidence, lifecycle
from issuing.disputes.lifecycle import DisputeUpdate
from issuing.disputes.requests import CASES
from issuing.issuers.base import Issuer, IssuerError, RefusedError
from issuing.issuers.disputes import DisputeOrder, IssuerDispute, takes_files
from issuing.issuers.errors import HeldBackError, PausedError
from issuing.issuers.registry import issuer_for
from issuing.models import Dispute, DisputeRequest
from onecard.kit import clock, display
from onecard.kit.attempts import Attempts
from onecard.kit.crypto import SealError
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import require_no_transaction, transaction
from wallet import cases
from wallet.models import Case

Status = states.DisputeRequest
ACTOR = "system:disputes"
REMIND_BEFORE = dt.timedelta(days=14)
REQUESTS = Attempts(
    model=DisputeRequest, what="dispute request", statuses=states.DUE_DISPUTE_REQUEST, grace=dt.timedelta(seconds=5)
)
REJECTED = "The card's issuer did not take this dispute as it is. Our staff look into it and will tell you."


def carry_out(*, request_id: int, issuer: Issuer | None = None) -> str:
    """Makes one try at a request that is due; returns its status.

    Safe to call twice, at once, late or never again. Raises TransactionError inside a transaction.
    """
    require_no_transaction("A call to the issuer")
    claimed = _claim(request_id)
    if claimed is not None:
        _send(claimed, issuer)
    return DisputeRequest.objects.values_list("status", flat=True).get(pk=request_id)


def sweep(*, now: dt.datetime | None = None, issuer: Issuer | None = None) -> int:
    """Tries every request that is due and that the queue seems to have forgotten; returns how many."""
    return REQUESTS.sweep(lambda request_id: carry_out(request_id=request_id, issuer=issuer), now=now)


def remind(*, now: dt.datetime | None = None) -> int:
    """Opens a case for each request that is not submitted and nearly due; returns how many there are."""
    soon = (now or clock.now()) + REMIND_BEFORE
    waiting = DisputeRequest.objects.filter(status__in=states.OPEN_DISPUTE_REQUEST, due_at__lte=soon)
    with transaction():
        for request in waiting.select_related("cardholder").select_for_update(no_key=True, of=("self",)):
            summary = f"{request} of {request.cardholder.name} is not submitted; due {display.moment(request.due_at)}."
            _open_case(Case.Kind.DISPUTE_DUE, request, summary)
        return waiting.count()


def _claim(request_id: int) -> DisputeRequest | None:
    with transaction():
        due = DisputeRequest.objects.filter(REQUESTS.due(clock.now()), pk=request_id)
        claimed = due.select_related("transaction", "cardholder").first()
        return claimed if claimed is not None and REQUESTS.claim(claimed, status=Status.SENDING) else None


def _send(claimed: DisputeRequest, issuer: Issuer | None) -> None:
    opened: IssuerDispute | None = None
    key = str(claimed.public_id)
    try:
        issuer = issuer or issuer_for(claimed.transaction.provider)
        opened = issuer.open_dispute(_order(claimed), key=key, asked_at=claimed.accepted_at)
        submitted = issuer.submit_dispute(opened.id, key=key, asked_at=claimed.accepted_at)
    except RefusedError as error:
        _record(claimed, opened, target=Status.REJECTED, refusal=REJECTED, failure_message=error.message[:300])
    except (HeldBackError, PausedError) as error:
        # No attempt when nothing was sent; only the second of the two calls can follow one that was.
        _try_later(claimed, error, was_sent=opened is not None)
    except (IssuerError, SealError) as error:
        # A document whose key is missing is a case for staff as well.
        _try_later(claimed, error, was_sent=True)
    else:
        _record(claimed, submitted, target=Status.SUBMITTED, failure_message="")


def _order(claimed: DisputeRequest) -> DisputeOrder:
    return DisputeOrder(
        issuer_transaction_id=claimed.transaction.issuer_transaction_id,
        reason=claimed.reason,
        explanation=claimed.text,
        amount=claimed.money,
        file=evidence.for_issuer(claimed) if takes_files(claimed.transaction.provider) else None,
    )


def _record(claimed: DisputeRequest, found: IssuerDispute | None, *, target: str, **changes: object) -> None:
    """Ends the sending, and links the dispute as the issuer has it; its money comes with the issuer's events only."""
    with transaction():
        dispute = _dispute(claimed, found) if found is not None else None
        values = {"status": target, "dispute": dispute, "claimed_until": None, "next_attempt_at": None, **changes}
        if REQUESTS.held(claimed).update(**values, updated_at=clock.now()) != 1:
            return
        trail.record(
            actor=ACTOR,
            action=f"dispute_request.{target}",
            subject=claimed,
            issuer_dispute_id=found.id if found else "",
            failure=str(changes.get("failure_message", "")),
        )
        cases.resolve_cases(reference=claimed.reference, kinds=CASES)
        if target == Status.REJECTED:
            claimed.status = target
            dispute_notices.request_moved(claimed)
            _open_case(
                Case.Kind.DISPUTE_NOT_SENT, claimed, f"{claimed} of {claimed.cardholder.name}: the issuer refused it."
            )


def _dispute(claimed: DisputeRequest, found: IssuerDispute) -> Dispute:
    """Returns the dispute's row, which an event may have made already."""
    return lifecycle.apply_update(
        DisputeUpdate(
            provider=claimed.transaction.provider,
            dispute_id=found.id,
            disputed_id=claimed.transaction.issuer_transaction_id,
            status=found.status,
            amount_minor=found.amount.minor,
            currency=found.amount.currency,
            reported_at=found.created_at,
            event_type="dispute.submitted",
            reason=claimed.reason,
        )
    )


def _try_later(claimed: DisputeRequest, error: OneCardError, *, was_sent: bool) -> None:
    delay_s = getattr(error, "retry_after_s", None)
    with transaction():
        is_ours = REQUESTS.put_back(
            claimed, message=error.message, delay_s=delay_s, was_sent=was_sent, status=Status.ACCEPTED
        )
        complaint = REQUESTS.complaint(claimed, error.message)
        if is_ours and complaint and was_sent:
            _open_case(Case.Kind.DISPUTE_NOT_SENT, claimed, f"{claimed} of {claimed.cardholder.name}: {complaint}")


def _open_case(kind: str, request: DisputeRequest, summary: str) -> None:
    cases.open_case(kind=kind, reference=request.reference, money=request.money, summary=summary)
