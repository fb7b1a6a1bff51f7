"""Payment intents: the charges of funding cards."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State
from tests.sandbox.stripe import shapes_funding
from tests.sandbox.stripe.balance_transactions import enter_charge
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.confirmation import confirm_intent
from tests.sandbox.stripe.errors import ApiError, RefusedError, unexpected_state
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page, referenced
from tests.sandbox.stripe.payment_methods import usable_by
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import (
    Field,
    Spec,
    anything,
    merge_metadata,
    metadata,
    required,
    text,
    whole,
    words,
    yes_or_no,
)
from tests.sandbox.wire import Json, unix_now

# Stripe's minimum in some currencies, in their smallest units there; the most it takes in any has eight digits.
_LEAST = {"usd": 50, "eur": 50, "gbp": 30, "cad": 50, "aud": 50, "sek": 300, "huf": 17500, "mxn": 1000}
# Two decimals that must be 00, and three of which the last must be 0 (docs/issuers/stripe.md, Special cases).
_MULTIPLES = {"isk": 100, "ugx": 100} | dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10)
_MOST = 99_999_999

_TAKEN_NOTE_OF: dict[str, Field] = dict.fromkeys(
    ("automatic_payment_methods", "mandate", "mandate_data", "return_url", "use_stripe_sdk", "radar_options"),
    anything(),
)
_ECHOED: dict[str, Field] = dict.fromkeys(
    [name for name in shapes_funding.ECHOED_OF_INTENT if name not in ("customer", "payment_method")], anything()
)
CONFIRM_ECHOED = ("payment_method_options", "receipt_email", "setup_future_usage", "shipping")
_CONFIRM: dict[str, Field] = {
    "payment_method": text(),
    "off_session": words("true", "false", "one_off", "recurring"),
    "error_on_requires_action": yes_or_no(),
}

CREATE: Spec = {
    "amount": required(whole(least=1)),
    "currency": required(text()),
    "customer": text(),
    "confirm": yes_or_no(),
    "capture_method": words("automatic", "automatic_async", "manual"),
    "confirmation_method": words("automatic", "manual"),
    "metadata": metadata(),
    **_CONFIRM,
    **_ECHOED,
    **_TAKEN_NOTE_OF,
}
CONFIRM: Spec = {
    **_CONFIRM,
    **_TAKEN_NOTE_OF,
    "capture_method": CREATE["capture_method"],
    **{name: _ECHOED[name] for name in CONFIRM_ECHOED},
}
CAPTURE: Spec = {
    "amount_to_capture": whole(least=1),
    "final_capture": yes_or_no(),
    "metadata": metadata(),
    "statement_descriptor": text(),
    "statement_descriptor_suffix": text(),
}
CANCEL: Spec = {
    "cancellation_reason": words("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
}
LIST: Spec = {**PAGING, "customer": text()}
RETRIEVE: Spec = {"client_secret": text()}

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = (*_CONFIRMABLE, "requires_capture", "processing")


def create(sandbox: Sandbox, command: Command) -> Json:
    """Make an intent, and charge it at once with `confirm`; raises ApiError for a decline, the intent inside."""
    _check(command.params)
    with sandbox.state.lock:
        intent = _build(sandbox.state, command.params)
        sandbox.state.add(intent)
        if command.params.get("confirm"):
            confirm_intent(sandbox, intent, command)
        return render(sandbox.state, intent, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show an intent."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, "payment_intent", command.id), expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show intents, newest first."""
    with sandbox.state.lock:
        return page(sandbox.state, command, "payment_intent", url="/v1/payment_intents", equal=("customer",))


def confirm(sandbox: Sandbox, command: Command) -> Json:
    """Charge an intent; raises ApiError for a decline or a status that does not allow it."""
    with sandbox.state.lock:
        intent = addressed(sandbox.state, "payment_intent", command.id)
        if intent["status"] not in _CONFIRMABLE:
            raise unexpected_state("PaymentIntent", intent, "confirmed")
        method_id = command.params.get("payment_method", intent["payment_method"])
        if method_id is None:
            raise _no_method()
        intent["payment_method"] = usable_by(sandbox.state, method_id, customer_id=intent["customer"])["id"]
        _set(intent, command.params, ("capture_method", *CONFIRM_ECHOED))
        confirm_intent(sandbox, intent, command)
        return render(sandbox.state, intent, expand=command.expand)


def capture(sandbox: Sandbox, command: Command) -> Json:
    """Take the money of an authorized intent, all of it or less; the rest is released."""
    with sandbox.state.lock:
        intent = addressed(sandbox.state, "payment_intent", command.id)
        if intent["status"] != "requires_capture":
            raise unexpected_state("PaymentIntent", intent, "captured")
        amount: int = command.params.get("amount_to_capture") or intent["amount_capturable"]
        check_multiple(intent["currency"], amount, param="amount_to_capture")
        if amount > intent["amount_capturable"]:
            message = f"The amount to capture is greater than the {intent['amount_capturable']} that can be captured."
            raise ApiError(message, code="amount_too_large", param="amount_to_capture")
        charge = sandbox.state.objects["charge"][intent["latest_charge"]]
        charge.update(captured=True, amount_captured=amount)
        enter_charge(sandbox, charge)
        intent.update(status="succeeded", amount_received=amount, amount_capturable=0)
        intent["metadata"] = merge_metadata(intent["metadata"], command.params.get("metadata"))
        emit(sandbox, "payment_intent.succeeded", intent, command=command)
        return render(sandbox.state, intent, expand=command.expand)


def cancel(sandbox: Sandbox, command: Command) -> Json:
    """Give an intent up and release what it holds."""
    with sandbox.state.lock:
        intent = addressed(sandbox.state, "payment_intent", command.id)
        if intent["status"] not in _CANCELABLE:
            raise unexpected_state("PaymentIntent", intent, "canceled")
        if intent["status"] == "requires_capture":
            charge = sandbox.state.objects["charge"][intent["latest_charge"]]
            charge.update(refunded=True, amount_refunded=charge["amount"])
        reason = command.params.get("cancellation_reason")
        intent.update(status="canceled", amount_capturable=0, canceled_at=unix_now(), cancellation_reason=reason)
        emit(sandbox, "payment_intent.canceled", intent, command=command)
        return render(sandbox.state, intent, expand=command.expand)


def check_multiple(currency: str, amount: int, *, param: str) -> None:
    """Refuse an amount that the currency has no money for; raises RefusedError."""
    step = _MULTIPLES.get(currency.lower(), 1)
    if amount % step:
        message = f"Invalid {param}: {currency} amounts must be evenly divisible by {step}."
        raise RefusedError(message, code="parameter_invalid_integer", param=param)


def _check(params: Json) -> None:
    currency = params["currency"].lower()
    least = _LEAST.get(currency, 0)
    if params["amount"] < least:
        said = "$0.50" if currency == "usd" else str(least)
        raise RefusedError(f"Amount must be at least {said} {currency}", code="amount_too_small", param="amount")
    check_multiple(currency, params["amount"], param="amount")
    if params["amount"] > _MOST:
        raise RefusedError("Amount must have at most eight digits.", code="amount_too_large", param="amount")
    for name in ("off_session", "error_on_requires_action"):
        if name in params and not params.get("confirm"):
            raise RefusedError(f"You can use {name} only together with confirm=true.", param=name)
    if params.get("confirm") and "payment_method" not in params:
        raise _no_method()


def _build(state: State, params: Json) -> Json:
    intent = shapes_funding.payment_intent(amount=params["amount"], currency=params["currency"].lower())
    if "customer" in params:
        customer = referenced(state, "customer", params["customer"], param="customer")
        if customer.get("deleted"):
            raise ApiError(f"No such customer: {customer['id']!r}", code="resource_missing", param="customer")
    _set(intent, params, (*shapes_funding.ECHOED_OF_INTENT, "capture_method", "confirmation_method"))
    if "payment_method" in params:
        intent["payment_method"] = usable_by(state, params["payment_method"], customer_id=intent["customer"])["id"]
        intent["status"] = "requires_confirmation"
    intent["metadata"] = merge_metadata({}, params.get("metadata"))
    return intent


def _set(intent: Json, params: Json, names: tuple[str, ...]) -> None:
    intent.update({name: params[name] for name in names if name in params})


def _no_method() -> RefusedError:
    return RefusedError(
        "This PaymentIntent cannot be confirmed: it has no payment method.",
        code="payment_intent_unexpected_state",
        param="payment_method",
    )
