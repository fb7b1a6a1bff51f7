"""Transfers between the payments balance and the Issuing balance; each side has a balance transaction of its own.

Which types those have is the sandbox's own word: `transfer`, on the balance that it moves.
"""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import balances, entries
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, group, merge_metadata, metadata, required, text, whole, words
from tests.sandbox.wire import Json, new_id, unix_now

_BALANCE = required(group(type=required(words("payments", "issuing"))))
CREATE: Spec = {
    "amount": required(whole(least=1)),
    "currency": required(text()),
    "source_balance": _BALANCE,
    "destination_balance": _BALANCE,
    "metadata": metadata(),
}


def create(sandbox: Sandbox, command: Command) -> Json:
    """Move money between the balances at once; raises ApiError for more than the source has."""
    params, state = command.params, sandbox.state
    source, destination = params["source_balance"]["type"], params["destination_balance"]["type"]
    currency = params["currency"].lower()
    balances.check_issuing_currency(currency)
    if source == destination:
        raise ApiError("The source balance and the destination balance must differ.", param="destination_balance")
    with state.lock:
        left = state.available_balance if source == "issuing" else balances.available_for_payout(state, currency)
        if params["amount"] > left:
            raise ApiError("You have insufficient funds in the source balance.", code="balance_insufficient")
        transfer = state.add(_made(params, currency))
        for balance, amount in ((source, -params["amount"]), (destination, params["amount"])):
            entries.enter(state, amount=amount, kind="transfer", category="transfer", source=transfer, balance=balance)
        return render(state, transfer, expand=command.expand)


def _made(params: Json, currency: str) -> Json:
    return {
        "id": new_id("btr"),
        "object": "balance_transfer",
        "amount": params["amount"],
        "created": unix_now(),
        "currency": currency,
        "destination_balance": params["destination_balance"],
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "source_balance": params["source_balance"],
        "status": "succeeded",
    }
