"""Customers: whose funding cards they are."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import shapes_funding
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import addressed
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, anything, merge_metadata, metadata, text
from tests.sandbox.wire import Json

_ECHOED = ("address", "description", "email", "name", "phone", "shipping")

CREATE: Spec = {
    **dict.fromkeys(("description", "email", "name", "phone"), text()),
    **dict.fromkeys(("address", "shipping", "preferred_locales", "tax_exempt", "invoice_settings"), anything()),
    "metadata": metadata(),
}
RETRIEVE: Spec = {}


def create(sandbox: Sandbox, command: Command) -> Json:
    """Make a customer."""
    customer = shapes_funding.customer()
    customer.update({name: value for name, value in command.params.items() if name in _ECHOED})
    customer["metadata"] = merge_metadata({}, command.params.get("metadata"))
    with sandbox.state.lock:
        return render(sandbox.state, sandbox.state.add(customer), expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a customer; of a deleted one only that it is deleted."""
    with sandbox.state.lock:
        customer = addressed(sandbox.state, "customer", command.id)
        if customer.get("deleted"):
            return _deleted(customer)
        return render(sandbox.state, customer, expand=command.expand)


def delete(sandbox: Sandbox, command: Command) -> Json:
    """Delete a customer for good, with the payment methods that are saved for it."""
    with sandbox.state.lock:
        customer = addressed(sandbox.state, "customer", command.id)
        for method in sandbox.state.objects["payment_method"].values():
            if method["customer"] == customer["id"]:
                method["customer"] = None
                sandbox.state.worn_out_methods.add(method["id"])
        emit(sandbox, "customer.deleted", customer, command=command)
        customer["deleted"] = True
        return _deleted(customer)


def _deleted(customer: Json) -> Json:
    return {"id": customer["id"], "object": "customer", "deleted": True}
