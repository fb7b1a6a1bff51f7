"""Disputes of our charges: what the bank of a funding card does, which the helpers play, and how we answer.

The helpers' addresses (`/v1/test_helpers/payment_intents/<id>/dispute`, `/warn_of_fraud`, and
`/v1/test_helpers/disputes/<id>/win|lose|escalate|close_inquiry`) are the sandbox's own words, as is the fee. Objects,
events and balance transactions are Stripe's (docs/issuers/stripe.md, Dispute object, Reporting categories).
"""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import balance_transactions
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, anything, metadata, text, whole, yes_or_no
from tests.sandbox.wire import Json, new_id, unix_now

_KIND = "dispute"
_DAYS_TO_ANSWER = 9
_FEE_MINOR = 1500
OPEN: Spec = {"amount": whole(least=1), "reason": text(), "inquiry": yes_or_no(), "due_by": whole(least=0)}
WARN: Spec = {"fraud_type": text()}
DECIDE: Spec = {}
RETRIEVE: Spec = {}
UPDATE: Spec = {"evidence": anything(), "submit": yes_or_no(), "metadata": metadata()}
LIST: Spec = {**PAGING, "charge": text(), "payment_intent": text()}


def open_(sandbox: Sandbox, command: Command) -> Json:
    """Begin a dispute of a charge, or an inquiry; raises ApiError unless the charge succeeded and has so much left."""
    state, params = sandbox.state, command.params
    with state.lock:
        charge = _charge(sandbox, command)
        disputed = sum(each["amount"] for each in state.objects[_KIND].values() if each["charge"] == charge["id"])
        amount = params.get("amount", charge["amount_captured"] - disputed)
        if not 0 < amount <= charge["amount_captured"] - disputed:
            raise ApiError("A charge can be disputed for no more than was taken.", param="amount")
        charge["disputed"] = not params.get("inquiry")
        dispute = state.add(_begun(charge, amount, params))
        if not params.get("inquiry"):
            _withdraw(sandbox, dispute)
        emit(sandbox, "charge.dispute.created", dispute, command=command)
        if not params.get("inquiry"):
            emit(sandbox, "charge.dispute.funds_withdrawn", dispute, command=command)
        return render(state, dispute, expand=command.expand)


def escalate(sandbox: Sandbox, command: Command) -> Json:
    """Make a dispute of an inquiry: now the money is taken."""
    with sandbox.state.lock:
        dispute = _in_state(sandbox, command, "warning_needs_response", "warning_under_review")
        dispute["status"] = "needs_response"
        sandbox.state.objects["charge"][dispute["charge"]]["disputed"] = True
        _withdraw(sandbox, dispute)
        emit(sandbox, "charge.dispute.updated", dispute, command=command)
        emit(sandbox, "charge.dispute.funds_withdrawn", dispute, command=command)
        return render(sandbox.state, dispute, expand=command.expand)


def close_inquiry(sandbox: Sandbox, command: Command) -> Json:
    """End an inquiry without a dispute."""
    with sandbox.state.lock:
        dispute = _in_state(sandbox, command, "warning_needs_response", "warning_under_review")
        return _closed(sandbox, command, dispute, "warning_closed")


def win(sandbox: Sandbox, command: Command) -> Json:
    """Decide a dispute for us, also one that was lost: what was taken comes back."""
    with sandbox.state.lock:
        dispute = _in_state(sandbox, command, "needs_response", "under_review", "lost")
        _move(sandbox, dispute, dispute["amount"], fee=-_FEE_MINOR, category="dispute_reversal")
        shown = _closed(sandbox, command, dispute, "won")
        emit(sandbox, "charge.dispute.funds_reinstated", dispute, command=command)
        return shown


def lose(sandbox: Sandbox, command: Command) -> Json:
    """Decide a dispute for the cardholder."""
    with sandbox.state.lock:
        return _closed(sandbox, command, _in_state(sandbox, command, "needs_response", "under_review"), "lost")


def update(sandbox: Sandbox, command: Command) -> Json:
    """Take evidence, and send it to the bank with `submit`; raises ApiError once it is over or the time has passed."""
    with sandbox.state.lock:
        dispute = _in_state(sandbox, command, "needs_response", "warning_needs_response")
        details = dispute["evidence_details"]
        if unix_now() > details["due_by"]:
            raise ApiError("The time to give evidence for this dispute has passed.")
        dispute["evidence"].update(command.params.get("evidence") or {})
        details["has_evidence"] = bool(dispute["evidence"])
        if command.params.get("submit", True):
            details["submission_count"] += 1
            review = "warning_under_review" if dispute["status"].startswith("warning") else "under_review"
            dispute["status"] = review
        emit(sandbox, "charge.dispute.updated", dispute, command=command)
        return render(sandbox.state, dispute, expand=command.expand)


def close(sandbox: Sandbox, command: Command) -> Json:
    """Accept a dispute: it is lost."""
    return lose(sandbox, command)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a dispute."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, _KIND, command.id), expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show disputes, newest first."""
    with sandbox.state.lock:
        return page(sandbox.state, command, _KIND, url="/v1/disputes", equal=("charge", "payment_intent"))


def warn(sandbox: Sandbox, command: Command) -> Json:
    """Tell that a bank suspects fraud in a charge."""
    with sandbox.state.lock:
        charge = _charge(sandbox, command)
        warning = sandbox.state.add(
            {
                "id": new_id("issfr"),
                "object": "radar.early_fraud_warning",
                "actionable": True,
                "charge": charge["id"],
                "created": unix_now(),
                "fraud_type": command.params.get("fraud_type", "made_with_stolen_card"),
                "livemode": False,
                "payment_intent": charge["payment_intent"],
            }
        )
        emit(sandbox, "radar.early_fraud_warning.created", warning, command=command)
        return render(sandbox.state, warning, expand=command.expand)


def _charge(sandbox: Sandbox, command: Command) -> Json:
    intent = addressed(sandbox.state, "payment_intent", command.id)
    charge: Json | None = sandbox.state.objects["charge"].get(intent["latest_charge"] or "")
    if charge is None or not charge["captured"] or charge["status"] != "succeeded":
        raise ApiError("Only a charge that succeeded can be disputed.", param="payment_intent")
    return charge


def _begun(charge: Json, amount: int, params: Json) -> Json:
    now = unix_now()
    due_by = params.get("due_by", now + _DAYS_TO_ANSWER * 86_400)
    return {
        "id": new_id("du"),
        "object": _KIND,
        "amount": amount,
        "balance_transaction": None,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {"due_by": due_by, "has_evidence": False, "past_due": due_by < now, "submission_count": 0},
        "is_charge_refundable": bool(params.get("inquiry")),
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"card": {"brand": "visa", "case_type": "chargeback"}, "type": "card"},
        "reason": params.get("reason", "fraudulent"),
        "status": "warning_needs_response" if params.get("inquiry") else "needs_response",
    }


def _in_state(sandbox: Sandbox, command: Command, *states: str) -> Json:
    dispute = addressed(sandbox.state, _KIND, command.id)
    if dispute["status"] not in states:
        raise ApiError(f"This cannot be done with a dispute that is {dispute['status']}.")
    return dispute


def _closed(sandbox: Sandbox, command: Command, dispute: Json, status: str) -> Json:
    dispute["status"] = status
    emit(sandbox, "charge.dispute.closed", dispute, command=command)
    return render(sandbox.state, dispute, expand=command.expand)


def _withdraw(sandbox: Sandbox, dispute: Json) -> None:
    _move(sandbox, dispute, -dispute["amount"], fee=_FEE_MINOR, category="dispute")


def _move(sandbox: Sandbox, dispute: Json, amount: int, *, fee: int, category: str) -> None:
    entered = balance_transactions.enter_dispute(sandbox, dispute, amount=amount, fee=fee, category=category)
    shown = render(sandbox.state, entered)
    dispute["balance_transactions"] = [*dispute["balance_transactions"], shown]
    dispute["balance_transaction"] = entered["id"]
