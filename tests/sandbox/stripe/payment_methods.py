"""Payment methods: saved cards, and the rule of who may use which."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State
from tests.sandbox.stripe import funding_test_cards, shapes_funding
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.declines import decline_error
from tests.sandbox.stripe.errors import ApiError, RefusedError
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.funding_test_cards import TestCard
from tests.sandbox.stripe.lookup import PAGING, addressed, page, referenced
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, anything, group, merge_metadata, metadata, required, text, whole, words
from tests.sandbox.wire import Json, utc_today

CREATE: Spec = {
    "type": required(words("card")),
    "card": group(
        number=text(),
        exp_month=whole(least=1, most=12),
        exp_year=whole(least=2000, most=2099),
        cvc=text(),
        token=text(),
        networks=anything(),
    ),
    "billing_details": anything(),
    "allow_redisplay": text(),
    "metadata": metadata(),
}
RETRIEVE: Spec = {}
ATTACH: Spec = {"customer": required(text())}
DETACH: Spec = {}
_EXPIRY = {"exp_month": whole(least=1, most=12), "exp_year": whole(least=2000, most=2099)}
UPDATE: Spec = {"card": group(**_EXPIRY), "metadata": metadata()}
REPLACE: Spec = {"card": group(**_EXPIRY, last4=text(), brand=text(), fingerprint=text())}
LIST: Spec = {
    **{name: field for name, field in PAGING.items() if name != "created"},
    "customer": text(),
    "type": words("card"),
}

_WORN_OUT = "This PaymentMethod was used while unattached, or was detached from a customer: it may not be used again."


def create(sandbox: Sandbox, command: Command) -> Json:
    """Make a payment method from a card number or a test token."""
    given = command.params.get("card") or {}
    card = _card_given(given)
    with sandbox.state.lock:
        method = _add(sandbox.state, card, exp_month=given.get("exp_month", 12), exp_year=given.get("exp_year", 2034))
        method["metadata"] = merge_metadata({}, command.params.get("metadata"))
        method["billing_details"].update(command.params.get("billing_details") or {})
        return render(sandbox.state, method, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a payment method; a well-known test id gives a new one of its kind."""
    with sandbox.state.lock:
        method = _well_known(sandbox.state, command.id) or addressed(sandbox.state, "payment_method", command.id)
        return render(sandbox.state, method, expand=command.expand)


def attach(sandbox: Sandbox, command: Command) -> Json:
    """Save a payment method for a customer; raises ApiError when it belongs to another or is worn out."""
    state = sandbox.state
    with state.lock:
        method = _well_known(state, command.id) or addressed(state, "payment_method", command.id)
        customer = referenced(state, "customer", command.params["customer"], param="customer")
        if method["id"] in state.worn_out_methods:
            raise ApiError(_WORN_OUT, param="payment_method")
        if method["customer"] not in (None, customer["id"]):
            raise ApiError("The payment method is already attached to a customer.", param="payment_method")
        method["customer"] = customer["id"]
        return render(state, method, expand=command.expand)


def detach(sandbox: Sandbox, command: Command) -> Json:
    """Take a payment method from its customer, for good."""
    state = sandbox.state
    with state.lock:
        method = addressed(state, "payment_method", command.id)
        if method["customer"] is None:
            raise ApiError("The payment method is not attached to a customer, so it cannot be detached.")
        before = render(state, method)
        method["customer"] = None
        state.worn_out_methods.add(method["id"])
        emit(sandbox, "payment_method.detached", method, command=command, before=before)
        return render(state, method, expand=command.expand)


def update(sandbox: Sandbox, command: Command) -> Json:
    """Change the expiry or the billing details of a payment method."""
    return _renewed(sandbox, command, "payment_method.updated")


def replace(sandbox: Sandbox, command: Command) -> Json:
    """Play the network that tells of a card's successor: another expiry, and perhaps another number."""
    return _renewed(sandbox, command, "payment_method.automatically_updated")


def _renewed(sandbox: Sandbox, command: Command, event_type: str) -> Json:
    with sandbox.state.lock:
        method = addressed(sandbox.state, "payment_method", command.id)
        if method["customer"] is None:
            raise ApiError("You must save this PaymentMethod to a customer before you can update it.")
        before = render(sandbox.state, method)
        method["card"].update(command.params.get("card") or {})
        emit(sandbox, event_type, method, command=command, before=before)
        return render(sandbox.state, method, expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show the payment methods of a customer."""
    with sandbox.state.lock:
        if "customer" in command.params:
            referenced(sandbox.state, "customer", command.params["customer"], param="customer")
        return page(sandbox.state, command, "payment_method", url="/v1/payment_methods", equal=("customer", "type"))


def usable_by(state: State, method_id: str, *, customer_id: str | None) -> Json:
    """Find the method that a payment wants to use; raises ApiError when it is worn out or another customer's."""
    method = _well_known(state, method_id) or referenced(state, "payment_method", method_id, param="payment_method")
    if method["id"] in state.worn_out_methods:
        raise ApiError(_WORN_OUT, param="payment_method")
    if method["customer"] not in (None, customer_id):
        raise ApiError(
            f"The customer does not have a payment method with the ID {method['id']}: attach it to the customer first.",
            param="payment_method",
        )
    return method


def _card_given(given: Json) -> TestCard:
    if "token" in given:
        card = funding_test_cards.named(given["token"])
        if card is None:
            raise RefusedError(f"No such token: {given['token']!r}", code="resource_missing", param="card[token]")
        return card
    for name in ("number", "exp_month", "exp_year"):
        if name not in given:
            message = f"Missing required param: card[{name}]."
            raise RefusedError(message, code="parameter_missing", param=f"card[{name}]")
    return _numbered_card(given)


def _numbered_card(given: Json) -> TestCard:
    card = funding_test_cards.numbered(given["number"].replace(" ", ""))
    today = utc_today()
    if card is None or (given["exp_year"], given["exp_month"]) < (today.year, today.month):
        code = "incorrect_number" if card is None else "expired_card"
        error = decline_error(code)
        raise ApiError(error["message"], status=402, kind="card_error", code=code, param="number")
    return card


def _well_known(state: State, method_id: str) -> Json | None:
    card = funding_test_cards.named(method_id) if method_id.startswith("pm_card_") else None
    return _add(state, card, exp_month=12, exp_year=2034) if card else None


def _add(state: State, card: TestCard, *, exp_month: int, exp_year: int) -> Json:
    method = shapes_funding.payment_method(
        brand=card.brand,
        last4=card.number[-4:],
        exp_month=exp_month,
        exp_year=exp_year,
        fingerprint=funding_test_cards.fingerprint(card.number),
    )
    method["card"].update(funding=card.funding, country=card.country)
    state.test_outcomes[method["id"]] = card.outcome
    state.test_setups[method["id"]] = card.setup
    return state.add(method)
