"""Disputes: begun and submitted by the account, decided by the network, which two helpers play.

The helpers' addresses (`/v1/test_helpers/issuing/disputes/<id>/win`, `lose`) and when money moves are the sandbox's own
words: it is reinstated when a dispute is submitted, and rescinded when it is lost; `provisional=true` makes what is
reinstated a provisional credit, which goes back at the end. The events carry the balance transactions.
"""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import entries
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page, referenced
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, anything, metadata, required, text, whole, words, yes_or_no
from tests.sandbox.wire import Json, new_id, unix_now

_KIND = "issuing.dispute"
CREATE: Spec = {
    "transaction": required(text()),
    "amount": whole(least=1),
    "evidence": anything(),
    "metadata": metadata(),
}
SUBMIT: Spec = {"metadata": metadata(), "provisional": yes_or_no()}
DECIDE: Spec = {}
RETRIEVE: Spec = {}
LIST: Spec = {
    **PAGING,
    "status": words("unsubmitted", "submitted", "won", "lost", "expired"),
    "transaction": text(),
}


def create(sandbox: Sandbox, command: Command) -> Json:
    """Begin a dispute about a capture."""
    state, params = sandbox.state, command.params
    with state.lock:
        disputed = referenced(state, "issuing.transaction", params["transaction"], param="transaction")
        amount = params.get("amount", -disputed["amount"])
        if disputed["type"] != "capture":
            raise ApiError("Only a captured transaction can be disputed.", param="transaction")
        if disputed["dispute"]:
            raise ApiError(f"{disputed['id']} already has the dispute {disputed['dispute']}.", param="transaction")
        if amount > -disputed["amount"]:
            raise ApiError("A dispute cannot be for more than its transaction.", param="amount")
        _check_file(sandbox, params)
        dispute = state.add(_begun(disputed, amount, params))
        disputed["dispute"] = dispute["id"]
        emit(sandbox, "issuing_dispute.created", dispute, command=command)
        return render(state, dispute, expand=command.expand)


def submit(sandbox: Sandbox, command: Command) -> Json:
    """Hand a dispute to the network; its money comes with that."""
    with sandbox.state.lock:
        dispute = _in_state(sandbox, command, "unsubmitted")
        dispute["status"] = "submitted"
        emit(sandbox, "issuing_dispute.submitted", dispute, command=command)
        credit = "issuing_dispute_provisional_credit" if command.params.get("provisional") else "issuing_dispute"
        _move(sandbox, dispute, dispute["amount"], credit, command)
        return render(sandbox.state, dispute, expand=command.expand)


def win(sandbox: Sandbox, command: Command) -> Json:
    """Decide a dispute for the cardholder; what was provisional becomes theirs."""
    with sandbox.state.lock:
        dispute = _in_state(sandbox, command, "submitted")
        dispute["status"] = "won"
        if _is_provisional(dispute):
            _move(sandbox, dispute, -dispute["amount"], "issuing_dispute_provisional_credit_reversal", command)
            _move(sandbox, dispute, dispute["amount"], "issuing_dispute", command)
        emit(sandbox, "issuing_dispute.closed", dispute, command=command)
        return render(sandbox.state, dispute, expand=command.expand)


def lose(sandbox: Sandbox, command: Command) -> Json:
    """Decide a dispute for the merchant; what was reinstated is rescinded. One that nobody submitted has expired."""
    with sandbox.state.lock:
        dispute = _in_state(sandbox, command, "submitted", "unsubmitted")
        was_submitted = dispute["status"] == "submitted"
        dispute["status"] = "lost" if was_submitted else "expired"
        if was_submitted:
            taken = "issuing_dispute_provisional_credit_reversal" if _is_provisional(dispute) else "issuing_dispute"
            _move(sandbox, dispute, -dispute["amount"], taken, command)
        emit(sandbox, "issuing_dispute.closed", dispute, command=command)
        return render(sandbox.state, dispute, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a dispute."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, _KIND, command.id), expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show disputes, newest first."""
    with sandbox.state.lock:
        return page(sandbox.state, command, _KIND, url="/v1/issuing/disputes", equal=("status", "transaction"))


def _begun(disputed: Json, amount: int, params: Json) -> Json:
    return {
        "id": new_id("idp"),
        "object": _KIND,
        "amount": amount,
        "balance_transactions": [],
        "created": unix_now(),
        "currency": disputed["currency"],
        "evidence": params.get("evidence") or {"reason": "not_received"},
        "livemode": False,
        "loss_reason": None,
        "metadata": params.get("metadata") or {},
        "status": "unsubmitted",
        "transaction": disputed["id"],
    }


def _check_file(sandbox: Sandbox, params: Json) -> None:
    """Refuse a document that was never uploaded as evidence; it stands under the reason's own key."""
    evidence = params.get("evidence") or {}
    reason = evidence.get("reason", "")
    under = evidence.get(reason)
    document = under.get("additional_documentation") if isinstance(under, dict) else None
    if document:
        name = f"evidence[{reason}][additional_documentation]"
        referenced(sandbox.state, "file", document, param=name)


def _in_state(sandbox: Sandbox, command: Command, *states: str) -> Json:
    dispute = addressed(sandbox.state, _KIND, command.id)
    if dispute["status"] not in states:
        raise ApiError(f"This cannot be done with a dispute that is {dispute['status']}.")
    return dispute


def _is_provisional(dispute: Json) -> bool:
    return any("provisional" in moved["type"] for moved in dispute["balance_transactions"])


def _move(sandbox: Sandbox, dispute: Json, amount: int, kind: str, command: Command) -> None:
    moved = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "currency": dispute["currency"],
        "created": unix_now(),
        "net": amount,
        "type": kind,
    }
    dispute["balance_transactions"] = [*dispute["balance_transactions"], moved]
    entries.enter_dispute(sandbox.state, dispute, moved)
    word = "reinstated" if amount > 0 else "rescinded"
    emit(sandbox, f"issuing_dispute.funds_{word}", dispute, command=command)
