"""Refunds of charges: never more than was charged."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State
from tests.sandbox.stripe import shapes_funding
from tests.sandbox.stripe.balance_transactions import enter_refund
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError, RefusedError
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page, referenced
from tests.sandbox.stripe.payment_intents import check_multiple
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, merge_metadata, metadata, text, whole, words
from tests.sandbox.wire import Json

CREATE: Spec = {
    "payment_intent": text(),
    "charge": text(),
    "amount": whole(least=1),
    "reason": words("duplicate", "fraudulent", "requested_by_customer"),
    "metadata": metadata(),
}
RETRIEVE: Spec = {}
LIST: Spec = {**PAGING, "payment_intent": text(), "charge": text()}


def create(sandbox: Sandbox, command: Command) -> Json:
    """Give back what is left of a charge, or a part of it; raises ApiError for more than that."""
    state, params = sandbox.state, command.params
    if "payment_intent" not in params and "charge" not in params:
        message = "One of the following params should be provided: payment_intent or charge."
        raise RefusedError(message, code="parameter_missing")
    with state.lock:
        charge = _charge_of(state, params)
        amount = _amount(charge, params)
        refund = state.add(shapes_funding.refund(charge=charge, amount=amount, reason=params.get("reason")))
        refund["metadata"] = merge_metadata({}, params.get("metadata"))
        enter_refund(sandbox, refund)
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
        emit(sandbox, "refund.created", refund, command=command)
        emit(sandbox, "charge.refunded", charge, command=command)
        return render(state, refund, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a refund."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, "refund", command.id), expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show refunds, newest first."""
    with sandbox.state.lock:
        return page(sandbox.state, command, "refund", url="/v1/refunds", equal=("payment_intent", "charge"))


def _charge_of(state: State, params: Json) -> Json:
    charge_id = params.get("charge")
    if "payment_intent" in params:
        intent = referenced(state, "payment_intent", params["payment_intent"], param="payment_intent")
        charge_id = intent["latest_charge"]
    charge = referenced(state, "charge", charge_id, param="charge") if charge_id else None
    if charge is None or not charge["captured"]:
        raise ApiError("There is no successful charge to refund.", param="payment_intent")
    return charge


def _amount(charge: Json, params: Json) -> int:
    if charge["disputed"]:
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise ApiError(message, code="charge_disputed")
    left = int(charge["amount_captured"] - charge["amount_refunded"])
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise ApiError(message, code="charge_already_refunded")
    amount = int(params.get("amount", left))
    check_multiple(charge["currency"], amount, param="amount")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise ApiError(message, param="amount")
    return amount
