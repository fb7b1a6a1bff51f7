"""Checkout sessions in setup mode: a page of Stripe's on which a person saves a card, and where its link leads."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import setup_intents, shapes_funding
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import RefusedError, unexpected_state
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import addressed
from tests.sandbox.stripe.payment_methods import usable_by
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, group, merge_metadata, metadata, required, rows, text, words
from tests.sandbox.wire import Json

CREATE: Spec = {
    "mode": required(words("setup")),
    "currency": text(),
    "customer": text(),
    "payment_method_types": rows(words("card")),
    "setup_intent_data": group(metadata=metadata(), description=text()),
    "success_url": text(),
    "cancel_url": text(),
    "ui_mode": words("hosted"),
    "metadata": metadata(),
}
RETRIEVE: Spec = {}
COMPLETE: Spec = {"payment_method": required(text())}


def create(sandbox: Sandbox, command: Command) -> Json:
    """Make a session; raises RefusedError without an address to return to, or without kinds of payment."""
    params = command.params
    if not params.get("success_url"):
        raise RefusedError("Missing required param: success_url.", code="parameter_missing", param="success_url")
    if not params.get("payment_method_types") and not params.get("currency"):
        raise RefusedError("Missing required param: currency.", code="parameter_missing", param="currency")
    with sandbox.state.lock:
        data: Json = params.get("setup_intent_data") or {}
        given: Json = {name: params[name] for name in ("customer", "payment_method_types") if name in params}
        intent = setup_intents.add(sandbox.state, {**data, **given})
        session = shapes_funding.checkout_session(
            setup_intent=intent, success_url=params["success_url"], address=sandbox.address
        )
        session["metadata"] = merge_metadata({}, params.get("metadata"))
        return render(sandbox.state, sandbox.state.add(session), expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a session."""
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, "checkout.session", command.id), expand=command.expand)


def complete(sandbox: Sandbox, command: Command) -> Json:
    """Play the person who fills in Stripe's page, with one of the test cards."""
    state = sandbox.state
    with state.lock:
        session = addressed(state, "checkout.session", command.id)
        if session["status"] != "open":
            raise unexpected_state("Session", session, "completed")
        intent = state.objects["setup_intent"][session["setup_intent"]]
        method = usable_by(state, command.params["payment_method"], customer_id=intent["customer"])
        setup_intents.save_card(sandbox, intent, method["id"], command)
        session.update(status="complete", url=None)
        emit(sandbox, "checkout.session.completed", session, command=command)
        return render(state, session, expand=command.expand)
