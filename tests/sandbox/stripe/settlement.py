"""The network's later word: captures, refunds, and postings that nobody announced."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State
from tests.sandbox.stripe import shapes_issuing
from tests.sandbox.stripe.categories import merchant
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError, RefusedError
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.holds import move_balance, set_hold, take_captured
from tests.sandbox.stripe.lookup import addressed, referenced
from tests.sandbox.stripe.render import render
from tests.sandbox.wire import Json


def capture(sandbox: Sandbox, command: Command) -> Json:
    """Take what was authorized, or less, or more; captures cannot be refused, and may come after expiry."""
    state = sandbox.state
    with state.lock:
        authorization = addressed(state, "issuing.authorization", command.id)
        _check_capturable(state, authorization)
        before = render(state, authorization)
        given: int | None = command.params.get("capture_amount")
        amount = authorization["amount"] if given is None else given
        transaction = _post_capture(state, authorization, amount)
        take_captured(state, authorization, transaction, amount=amount)
        if command.params.get("close_authorization", True):
            authorization["status"] = "closed"
            set_hold(state, authorization, held=0)
        else:
            set_hold(state, authorization, held=max(0, state.exposures[authorization["id"]].held - amount))
        emit(sandbox, "issuing_transaction.created", transaction, command=command)
        emit(sandbox, "issuing_authorization.updated", authorization, command=command, before=before)
        return render(state, authorization, expand=command.expand)


def refund(sandbox: Sandbox, command: Command) -> Json:
    """Give back a capture or a part of it; answers with the refund's own transaction."""
    state = sandbox.state
    with state.lock:
        captured = addressed(state, "issuing.transaction", command.id)
        amount = _refundable(state, captured, command.params)
        refunded = shapes_issuing.transaction(
            kind="refund",
            card=state.objects["issuing.card"][captured["card"]],
            amount=amount,
            merchant=captured["merchant_data"],
            merchant_amount=captured["merchant_amount"] * amount // captured["amount"],
            merchant_currency=captured["merchant_currency"],
        )
        refunded["authorization"] = captured["authorization"]
        state.refunded[captured["id"]] += amount
        _link(state, refunded)
        return _posted(sandbox, refunded, command)


def create_force_capture(sandbox: Sandbox, command: Command) -> Json:
    """Post a capture without an authorization, as an offline terminal does."""
    return _unannounced(sandbox, command, "capture")


def create_unlinked_refund(sandbox: Sandbox, command: Command) -> Json:
    """Post a refund that belongs to no capture we know."""
    return _unannounced(sandbox, command, "refund")


def _check_capturable(state: State, authorization: Json) -> None:
    late = authorization["status"] in ("expired", "reversed") and authorization["amount"] > 0
    if not authorization["approved"] or not (late or authorization["status"] == "pending"):
        message = f"This authorization cannot be captured: its status is {authorization['status']}."
        raise ApiError(message, code="authorization_unexpected_state")


def _post_capture(state: State, authorization: Json, amount: int) -> Json:
    held, held_there = authorization["amount"], authorization["merchant_amount"]
    transaction = shapes_issuing.transaction(
        kind="capture",
        card=state.objects["issuing.card"][authorization["card"]],
        amount=amount,
        merchant=authorization["merchant_data"],
        merchant_amount=amount * held_there // held if held else amount,
        merchant_currency=authorization["merchant_currency"],
    )
    last_round = authorization["request_history"][-1]
    transaction["authorization"] = authorization["id"]
    transaction["amount_details"] = dict(authorization["amount_details"])
    transaction["wallet"] = authorization["wallet"]
    transaction["network_data"]["authorization_code"] = last_round["authorization_code"]
    transaction["network_data"]["transaction_id"] = authorization["network_data"]["transaction_id"]
    _link(state, transaction)
    return state.add(transaction)


def _link(state: State, transaction: Json) -> None:
    if transaction["authorization"]:
        state.objects["issuing.authorization"][transaction["authorization"]]["transactions"].append(transaction["id"])


def _refundable(state: State, captured: Json, params: Json) -> int:
    if captured["type"] != "capture":
        raise ApiError("Only a capture can be refunded.")
    left = -captured["amount"] - state.refunded[captured["id"]]
    amount = int(params.get("refund_amount", left))
    if not 0 < amount <= left:
        raise ApiError(f"The amount to refund must be between 1 and {left}.", param="refund_amount")
    return amount


def _unannounced(sandbox: Sandbox, command: Command, kind: str) -> Json:
    state, params = sandbox.state, command.params
    with state.lock:
        card = referenced(state, "issuing.card", params["card"], param="card")
        if str(params.get("currency", card["currency"])).lower() != card["currency"]:
            raise RefusedError(f"The card's currency is {card['currency']}.", param="currency")
        place = merchant(params.get("merchant_data") or {}, sandbox.categories)
        return _posted(
            sandbox, shapes_issuing.transaction(kind=kind, card=card, amount=params["amount"], merchant=place), command
        )


def _posted(sandbox: Sandbox, transaction: Json, command: Command) -> Json:
    sandbox.state.add(transaction)
    move_balance(sandbox.state, transaction)
    emit(sandbox, "issuing_transaction.created", transaction, command=command)
    return render(sandbox.state, transaction, expand=command.expand)
