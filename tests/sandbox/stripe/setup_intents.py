"""Setup intents: how a person's card is saved for a customer, to be charged later without them."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State
from tests.sandbox.stripe import funding_test_cards, shapes_funding
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.declines import decline_error
from tests.sandbox.stripe.errors import ApiError, RefusedError, unexpected_state
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page, referenced
from tests.sandbox.stripe.payment_methods import usable_by
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, anything, group, merge_metadata, metadata, rows, text, words, yes_or_no
from tests.sandbox.wire import Json

_METHOD_TYPES = rows(words("card"))
CREATE: Spec = {
    "customer": text(),
    "usage": words("off_session", "on_session"),
    "payment_method_types": _METHOD_TYPES,
    "automatic_payment_methods": group(enabled=yes_or_no(), allow_redirects=words("always", "never")),
    "payment_method": text(),
    "confirm": yes_or_no(),
    "description": text(),
    "payment_method_options": anything(),
    "metadata": metadata(),
}
CONFIRM: Spec = {"payment_method": text(), "return_url": text(), "client_secret": text()}
CANCEL: Spec = {"cancellation_reason": words("abandoned", "duplicate", "requested_by_customer")}
LIST: Spec = {**PAGING, "customer": text()}
RETRIEVE: Spec = {"client_secret": text()}
AUTHENTICATE: Spec = {"outcome": words("succeeds", "fails")}

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def create(sandbox: Sandbox, command: Command) -> Json:
    """Make a setup intent; raises ApiError for a customer that is unknown or deleted."""
    with sandbox.state.lock:
        intent = add(sandbox.state, command.params)
        if command.params.get("confirm"):
            _confirm(sandbox, intent, command)
        return render(sandbox.state, intent, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a setup intent."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, "setup_intent", command.id), expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show setup intents, newest first."""
    with sandbox.state.lock:
        return page(sandbox.state, command, "setup_intent", url="/v1/setup_intents", equal=("customer",))


def confirm(sandbox: Sandbox, command: Command) -> Json:
    """Save a card as the person's browser does; raises ApiError for a decline or a status that does not allow it."""
    with sandbox.state.lock:
        intent = addressed(sandbox.state, "setup_intent", command.id)
        if intent["status"] not in _CONFIRMABLE:
            raise unexpected_state("SetupIntent", intent, "confirmed", code="setup_intent_unexpected_state")
        _confirm(sandbox, intent, command)
        return render(sandbox.state, intent, expand=command.expand)


def authenticate(sandbox: Sandbox, command: Command) -> Json:
    """Play the person who answers their bank's question, or fails to."""
    with sandbox.state.lock:
        intent = addressed(sandbox.state, "setup_intent", command.id)
        if intent["status"] != "requires_action":
            raise unexpected_state("SetupIntent", intent, "authenticated", code="setup_intent_unexpected_state")
        if command.params.get("outcome") == "fails":
            _fail(sandbox, intent, "authentication_required", command)
        else:
            save_card(sandbox, intent, intent["payment_method"], command)
        return render(sandbox.state, intent, expand=command.expand)


def cancel(sandbox: Sandbox, command: Command) -> Json:
    """Give a setup up."""
    with sandbox.state.lock:
        intent = addressed(sandbox.state, "setup_intent", command.id)
        if intent["status"] not in _CONFIRMABLE:
            raise unexpected_state("SetupIntent", intent, "canceled", code="setup_intent_unexpected_state")
        reason = command.params.get("cancellation_reason")
        intent.update(status="canceled", cancellation_reason=reason)
        emit(sandbox, "setup_intent.canceled", intent, command=command)
        return render(sandbox.state, intent, expand=command.expand)


def add(state: State, params: Json) -> Json:
    """Store a new setup intent; raises ApiError for a customer that is unknown or deleted. Under the state's lock."""
    if params.get("payment_method_types") and params.get("automatic_payment_methods"):
        raise RefusedError("You may pass only one of payment_method_types and automatic_payment_methods.")
    intent = shapes_funding.setup_intent(usage=params.get("usage", "off_session"))
    if "customer" in params:
        intent["customer"] = known_customer(state, params["customer"])["id"]
    intent["description"] = params.get("description")
    intent["metadata"] = merge_metadata({}, params.get("metadata"))
    if "payment_method" in params:
        intent["payment_method"] = usable_by(state, params["payment_method"], customer_id=intent["customer"])["id"]
        intent["status"] = "requires_confirmation"
    return state.add(intent)


def known_customer(state: State, customer_id: str) -> Json:
    """Find a customer that a parameter names; a deleted one is refused as an unknown one is."""
    customer = referenced(state, "customer", customer_id, param="customer")
    if customer.get("deleted"):
        raise ApiError(f"No such customer: {customer_id!r}", code="resource_missing", param="customer")
    return customer


def save_card(sandbox: Sandbox, intent: Json, method_id: str, command: Command) -> None:
    """Attach the card to the intent's customer, and end the setup well. Under the state's lock."""
    state = sandbox.state
    method = referenced(state, "payment_method", method_id, param="payment_method")
    if intent["customer"] and method["customer"] is None:
        method["customer"] = intent["customer"]
        emit(sandbox, "payment_method.attached", method, command=command)
    intent.update(status="succeeded", next_action=None, last_setup_error=None, payment_method=method["id"])
    emit(sandbox, "setup_intent.succeeded", intent, command=command)


def _confirm(sandbox: Sandbox, intent: Json, command: Command) -> None:
    state = sandbox.state
    method_id = command.params.get("payment_method", intent["payment_method"])
    if method_id is None:
        message = "You cannot confirm this SetupIntent because it's missing a payment method."
        raise RefusedError(message, code="parameter_missing", param="payment_method")
    method = usable_by(state, method_id, customer_id=intent["customer"])
    intent["payment_method"] = method["id"]
    outcome = state.test_setups.get(method["id"], funding_test_cards.SUCCEEDS)
    if outcome == funding_test_cards.NEEDS_USER:
        intent["status"] = "requires_action"
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
        emit(sandbox, "setup_intent.requires_action", intent, command=command)
    elif outcome != funding_test_cards.SUCCEEDS:
        raise _fail(sandbox, intent, outcome, command)
    else:
        save_card(sandbox, intent, method["id"], command)


def _fail(sandbox: Sandbox, intent: Json, decline_code: str, command: Command) -> ApiError:
    """Record a refused card, and build the error of the call that tried it."""
    error = decline_error(decline_code)
    intent.update(status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=error)
    emit(sandbox, "setup_intent.setup_failed", intent, command=command)
    more: Json = {name: error[name] for name in ("decline_code", "advice_code") if name in error}
    shown: Json = {**more, "setup_intent": render(sandbox.state, intent)}
    return ApiError(error["message"], status=402, kind="card_error", code=error["code"], more=shown)
