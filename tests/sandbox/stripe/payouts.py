"""Payouts: money that goes from the payments balance to the account's bank.

It leaves the balance at once and is on its way until a helper says what came of it:
`/v1/test_helpers/payouts/<id>/send`, `/pay` and `/fail` are the sandbox's own words. One that was paid may fail after
all; the money is back in the balance then.
"""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import balances, entries
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError, unexpected_state
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, merge_metadata, metadata, required, text, whole, words
from tests.sandbox.wire import Json, new_id, unix_now

_DAYS_ON_THE_WAY = 2
_LONGEST_DESCRIPTOR = 22
CREATE: Spec = {
    "amount": required(whole(least=1, most=99_999_999_999)),
    "currency": required(text()),
    "description": text(),
    "metadata": metadata(),
    "method": words("standard", "instant"),
    "statement_descriptor": text(),
}
RETRIEVE: Spec = {}
DECIDE: Spec = {}
LIST: Spec = {**PAGING, "status": words("pending", "in_transit", "paid", "failed", "canceled")}


def create(sandbox: Sandbox, command: Command) -> Json:
    """Send money to the bank; raises ApiError for more than is available."""
    params, state = command.params, sandbox.state
    if len(params.get("statement_descriptor", "")) > _LONGEST_DESCRIPTOR:
        message = f"The statement descriptor must be at most {_LONGEST_DESCRIPTOR} characters."
        raise ApiError(message, param="statement_descriptor")
    with state.lock:
        if params["amount"] > balances.available_for_payout(state, params["currency"].lower()):
            message = "You have insufficient funds in your Stripe account for this transfer."
            raise ApiError(message, code="balance_insufficient")
        payout = state.add(_made(params))
        payout["balance_transaction"] = _enter(sandbox, payout, -payout["amount"], "payout", "payout")
        emit(sandbox, "payout.created", payout, command=command)
        return render(state, payout, expand=command.expand)


def cancel(sandbox: Sandbox, command: Command) -> Json:
    """Call back one that was not sent to the bank yet."""
    with sandbox.state.lock:
        payout = _in_state(sandbox, command, "canceled", "pending")
        payout["status"] = "canceled"
        _give_back(sandbox, payout, "payout_cancel")
        emit(sandbox, "payout.canceled", payout, command=command)
        return render(sandbox.state, payout, expand=command.expand)


def send(sandbox: Sandbox, command: Command) -> Json:
    """Hand it to the bank."""
    return _moved(sandbox, command, "in_transit", "payout.updated", "pending")


def pay(sandbox: Sandbox, command: Command) -> Json:
    """Let it arrive at the bank."""
    return _moved(sandbox, command, "paid", "payout.paid", "pending", "in_transit")


def fail(sandbox: Sandbox, command: Command) -> Json:
    """Let the bank refuse it, even after it seemed to have arrived."""
    with sandbox.state.lock:
        payout = _in_state(sandbox, command, "failed", "pending", "in_transit", "paid")
        payout.update(status="failed", failure_code="account_closed", failure_message="The bank account is closed.")
        _give_back(sandbox, payout, "payout_failure")
        emit(sandbox, "payout.failed", payout, command=command)
        return render(sandbox.state, payout, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a payout."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, "payout", command.id), expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show payouts, newest first."""
    with sandbox.state.lock:
        return page(sandbox.state, command, "payout", url="/v1/payouts", equal=("status",))


def _made(params: Json) -> Json:
    now = unix_now()
    nulls = ("application_fee", "application_fee_amount", "balance_transaction", "failure_balance_transaction")
    return {
        "id": new_id("po"),
        "object": "payout",
        **dict.fromkeys((*nulls, "failure_code", "failure_message", "original_payout", "reversed_by")),
        "amount": params["amount"],
        "arrival_date": now + _DAYS_ON_THE_WAY * 86_400,
        "automatic": False,
        "created": now,
        "currency": params["currency"].lower(),
        "description": params.get("description"),
        "destination": "ba_sandbox",
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "method": params.get("method", "standard"),
        "reconciliation_status": "not_applicable",
        "source_type": "card",
        "statement_descriptor": params.get("statement_descriptor"),
        "status": "pending",
        "type": "bank_account",
    }


def _moved(sandbox: Sandbox, command: Command, status: str, event: str, *before: str) -> Json:
    with sandbox.state.lock:
        payout = _in_state(sandbox, command, status, *before)
        payout["status"] = status
        emit(sandbox, event, payout, command=command)
        return render(sandbox.state, payout, expand=command.expand)


def _give_back(sandbox: Sandbox, payout: Json, kind: str) -> None:
    entered = _enter(sandbox, payout, payout["amount"], kind, "payout_reversal")
    payout["failure_balance_transaction"] = entered


def _enter(sandbox: Sandbox, payout: Json, amount: int, kind: str, category: str) -> str:
    entered = entries.enter(
        sandbox.state, amount=amount, kind=kind, category=category, source=payout, balance="payments"
    )
    return str(entered["id"])


def _in_state(sandbox: Sandbox, command: Command, deed: str, *states: str) -> Json:
    payout = addressed(sandbox.state, "payout", command.id)
    if payout["status"] not in states:
        raise unexpected_state("payout", payout, deed)
    return payout
