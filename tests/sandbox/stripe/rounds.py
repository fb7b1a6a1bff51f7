"""One round of an authorization: Stripe's own checks, then the account's answer, then the record of both."""

from tests.sandbox.journal import Delivery
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State
from tests.sandbox.stripe import shapes_issuing
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.events import decision_request
from tests.sandbox.stripe.holds import set_hold
from tests.sandbox.stripe.own_checks import own_refusal
from tests.sandbox.stripe.verdict import Verdict, read_verdict
from tests.sandbox.wire import Json, unix_now


def decide(sandbox: Sandbox, authorization: Json, pending: Json) -> None:
    """Decide whether `pending` is added to the authorization, and write the round down.

    Takes the state's lock by itself and never keeps it while the account is asked.
    """
    state, requested_at = sandbox.state, unix_now()
    with state.lock:
        # A new one has its first question before anybody else can see it.
        if authorization["pending_request"] is not None and authorization["pending_request"] is not pending:
            raise _busy(authorization)
        refusal = own_refusal(state, authorization, pending["amount"])
        if refusal is not None:
            authorization["pending_request"] = None
            verdict = Verdict(approved=False, reason=refusal)
            return _write_down(state, authorization, pending, verdict, requested_at)
        authorization["pending_request"] = pending
        event = decision_request(sandbox, state, authorization)
    conclude(sandbox, authorization, pending, sandbox.outgoing.ask(event), requested_at=requested_at)
    return None


def conclude(
    sandbox: Sandbox, authorization: Json, pending: Json, answer: Delivery, *, requested_at: int | None = None
) -> None:
    """Judge the account's answer to a round, and write the round down."""
    settings = sandbox.settings
    verdict = read_verdict(
        answer,
        pending=pending,
        limit_s=settings.decision_timeout_s,
        approve_on_timeout=settings.approve_on_timeout,
    )
    with sandbox.state.lock:
        authorization["pending_request"] = None
        _write_down(sandbox.state, authorization, pending, verdict, requested_at or unix_now())


def _write_down(state: State, authorization: Json, pending: Json, verdict: Verdict, requested_at: int) -> None:
    first = not authorization["request_history"]
    granted = pending["amount"] if verdict.amount is None else verdict.amount
    authorization["request_history"].append(
        shapes_issuing.past_request(
            pending,
            amount=granted,
            approved=verdict.approved,
            reason=verdict.reason,
            reason_message=verdict.reason_message,
            requested_at=requested_at,
        )
    )
    authorization["metadata"] = {**authorization["metadata"], **verdict.metadata}
    # A declined increment leaves the earlier hold standing; a declined first request closes the authorization.
    if verdict.approved or first:
        authorization["amount"] += granted
        authorization["merchant_amount"] += _in_merchant_currency(pending, granted)
    if first:
        authorization.update(approved=verdict.approved, status="pending" if verdict.approved else "closed")
        authorization["amount_details"] = dict(pending["amount_details"])
    if verdict.approved:
        set_hold(state, authorization, held=state.exposures[authorization["id"]].held + granted)


def _in_merchant_currency(pending: Json, granted: int) -> int:
    if granted == pending["amount"]:
        return int(pending["merchant_amount"])
    return int(pending["merchant_amount"] * granted // pending["amount"])


def _busy(authorization: Json) -> ApiError:
    message = f"The authorization {authorization['id']} is being decided by another request; try again."
    return ApiError(message, status=429, code="lock_timeout")
