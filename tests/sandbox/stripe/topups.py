"""Top-ups: money that is drawn from the account's bank to one of its balances.

One is pending until a helper says what came of it: `/v1/test_helpers/topups/<id>/succeed`, `/fail` and `/reverse` are
the sandbox's own words, and so is that a balance transaction is made once it succeeds. `destination_balance=issuing`
is Stripe's word for the Issuing balance.
"""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import balances, entries, shapes_funding
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError, unexpected_state
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, merge_metadata, metadata, required, text, whole, words
from tests.sandbox.wire import Json

_LONGEST_DESCRIPTOR = 15
CREATE: Spec = {
    "amount": required(whole(least=1, most=99_999_999_999)),
    "currency": required(text()),
    "description": text(),
    "destination_balance": words("issuing", "payments"),
    "metadata": metadata(),
    "source": text(),
    "statement_descriptor": text(),
}
RETRIEVE: Spec = {}
DECIDE: Spec = {}
LIST: Spec = {**PAGING, "status": words("canceled", "failed", "pending", "succeeded")}


def create(sandbox: Sandbox, command: Command) -> Json:
    """Begin to draw money from the bank."""
    params = command.params
    if len(params.get("statement_descriptor", "")) > _LONGEST_DESCRIPTOR:
        message = f"The statement descriptor must be at most {_LONGEST_DESCRIPTOR} characters."
        raise ApiError(message, param="statement_descriptor")
    with sandbox.state.lock:
        if params.get("destination_balance") == "issuing":
            balances.check_issuing_currency(params["currency"].lower())
        topup = sandbox.state.add(_made(params))
        emit(sandbox, "topup.created", topup, command=command)
        return render(sandbox.state, topup, expand=command.expand)


def cancel(sandbox: Sandbox, command: Command) -> Json:
    """Call back one that is still pending."""
    return _ended(sandbox, command, "canceled", "canceled")


def fail(sandbox: Sandbox, command: Command) -> Json:
    """Let the bank refuse it."""
    failure = {"failure_code": "insufficient_funds", "failure_message": "Your bank account has too little money."}
    return _ended(sandbox, command, "failed", "failed", **failure)


def succeed(sandbox: Sandbox, command: Command) -> Json:
    """Let the money arrive."""
    with sandbox.state.lock:
        topup = _in_state(sandbox, command, "pending", "completed")
        entries.enter_top_up(sandbox.state, topup)
        emit(sandbox, "topup.succeeded", topup, command=command)
        return render(sandbox.state, topup, expand=command.expand)


def reverse(sandbox: Sandbox, command: Command) -> Json:
    """Let the bank take it back after it had arrived."""
    with sandbox.state.lock:
        topup = _in_state(sandbox, command, "succeeded", "reversed")
        entries.enter_top_up_reversal(sandbox.state, topup)
        emit(sandbox, "topup.reversed", topup, command=command)
        return render(sandbox.state, topup, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a top-up."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, "topup", command.id), expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show top-ups, newest first."""
    with sandbox.state.lock:
        return page(sandbox.state, command, "topup", url="/v1/topups", equal=("status",))


def _made(params: Json) -> Json:
    topup = shapes_funding.topup(
        amount=params["amount"],
        currency=params["currency"].lower(),
        destination_balance=params.get("destination_balance"),
    )
    copied = {name: params.get(name) for name in ("description", "statement_descriptor")}
    return {**topup, **copied, "metadata": merge_metadata({}, params.get("metadata"))}


def _ended(sandbox: Sandbox, command: Command, status: str, deed: str, **changes: str) -> Json:
    with sandbox.state.lock:
        topup = _in_state(sandbox, command, "pending", deed)
        topup.update(status=status, **changes)
        emit(sandbox, f"topup.{status}", topup, command=command)
        return render(sandbox.state, topup, expand=command.expand)


def _in_state(sandbox: Sandbox, command: Command, status: str, deed: str) -> Json:
    topup = addressed(sandbox.state, "topup", command.id)
    if topup["status"] != status:
        raise unexpected_state("top-up", topup, deed, code="topup_unexpected_state")
    return topup
