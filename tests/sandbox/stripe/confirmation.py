"""What happens when a payment intent is confirmed: the card's issuer says yes, no, ask the user, or not yet."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State
from tests.sandbox.stripe import funding_test_cards, shapes_funding
from tests.sandbox.stripe.balance_transactions import enter_charge
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.declines import decline_error
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.payment_methods import usable_by
from tests.sandbox.stripe.render import render
from tests.sandbox.wire import Json

_OFF_SESSION = ("true", "one_off", "recurring")


def confirm_intent(sandbox: Sandbox, intent: Json, command: Command) -> None:
    """Try to charge the intent's payment method; raises ApiError for a decline, after recording it.

    Call it under the state's lock.
    """
    state = sandbox.state
    method = usable_by(state, intent["payment_method"], customer_id=intent["customer"])
    if method["customer"] is None:
        state.worn_out_methods.add(method["id"])
    intent.update(payment_method=method["id"], next_action=None, last_payment_error=None)
    outcome = _outcome(state, method, command)
    if outcome == funding_test_cards.SUCCEEDS:
        _succeed(sandbox, intent, method, command)
    elif outcome == "processing":
        _leave_processing(sandbox, intent, method, command)
    elif outcome == "requires_action":
        _ask_user(sandbox, intent, command)
    else:
        _decline(sandbox, intent, method, outcome, command)
        raise _card_error(state, intent)


def _outcome(state: State, method: Json, command: Command) -> str:
    wanted = command.forced.do if command.forced else state.test_outcomes.get(method["id"], funding_test_cards.SUCCEEDS)
    if command.forced and wanted == "decline":
        return command.forced.decline_code
    if wanted == funding_test_cards.NEEDS_USER:
        # Nobody is there to authenticate: off session the card's wish is a decline.
        wanted = wanted if command.params.get("off_session") in _OFF_SESSION else "requires_action"
    if wanted == "requires_action" and command.params.get("error_on_requires_action"):
        return funding_test_cards.NEEDS_USER
    return wanted


def _succeed(sandbox: Sandbox, intent: Json, method: Json, command: Command) -> None:
    charge = sandbox.state.add(shapes_funding.charge(intent=intent, method=method))
    intent["latest_charge"] = charge["id"]
    if intent["capture_method"] == "manual":
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        emit(sandbox, "payment_intent.amount_capturable_updated", intent, command=command)
    else:
        charge.update(captured=True, amount_captured=intent["amount"])
        enter_charge(sandbox, charge)
        intent.update(status="succeeded", amount_received=intent["amount"])
        emit(sandbox, "payment_intent.succeeded", intent, command=command)


def _decline(sandbox: Sandbox, intent: Json, method: Json, decline_code: str, command: Command) -> None:
    error = decline_error(decline_code)
    charge = sandbox.state.add(shapes_funding.failed_charge(intent=intent, method=method, error=error))
    shown = render(sandbox.state, method)
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        latest_charge=charge["id"],
        last_payment_error={**error, "charge": charge["id"], "payment_method": shown},
    )
    emit(sandbox, "payment_intent.payment_failed", intent, command=command)


def _card_error(state: State, intent: Json) -> ApiError:
    error = intent["last_payment_error"]
    named = {name: error[name] for name in ("decline_code", "advice_code", "charge", "payment_method") if name in error}
    return ApiError(
        error["message"],
        status=402,
        kind="card_error",
        code=error["code"],
        more={**named, "payment_intent": render(state, intent)},
    )


def _ask_user(sandbox: Sandbox, intent: Json, command: Command) -> None:
    intent["status"] = "requires_action"
    intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    emit(sandbox, "payment_intent.requires_action", intent, command=command)


def _leave_processing(sandbox: Sandbox, intent: Json, method: Json, command: Command) -> None:
    intent["status"] = "processing"
    emit(sandbox, "payment_intent.processing", intent, command=command)
    state, delay_s = sandbox.state, command.forced.delay_s if command.forced else 0.0

    def settle() -> None:
        with state.lock:
            # A reset or a cancellation came first.
            if sandbox.state is state and intent["status"] == "processing":
                _succeed(sandbox, intent, method, command)

    sandbox.outgoing.workers.later(delay_s, settle)
