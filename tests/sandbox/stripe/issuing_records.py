"""Reading authorizations and transactions back, and noting something on them."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Spec, merge_metadata, metadata, text, words
from tests.sandbox.wire import Json

RETRIEVE: Spec = {}
UPDATE: Spec = {"metadata": metadata()}
_OWNERS: Spec = {"card": text(), "cardholder": text()}
LIST_AUTHORIZATIONS: Spec = {**PAGING, **_OWNERS, "status": words("pending", "closed", "reversed", "expired")}
LIST_TRANSACTIONS: Spec = {**PAGING, **_OWNERS, "type": words("capture", "refund")}


def retrieve_authorization(sandbox: Sandbox, command: Command) -> Json:
    """Show an authorization."""
    return _retrieve(sandbox, command, "issuing.authorization")


def retrieve_transaction(sandbox: Sandbox, command: Command) -> Json:
    """Show a transaction."""
    return _retrieve(sandbox, command, "issuing.transaction")


def update_authorization(sandbox: Sandbox, command: Command) -> Json:
    """Note metadata on an authorization."""
    return _update(sandbox, command, "issuing.authorization", "issuing_authorization.updated")


def update_transaction(sandbox: Sandbox, command: Command) -> Json:
    """Note metadata on a transaction."""
    return _update(sandbox, command, "issuing.transaction", "issuing_transaction.updated")


def list_authorizations(sandbox: Sandbox, command: Command) -> Json:
    """Show authorizations, newest first."""
    equal, url = ("card", "cardholder", "status"), "/v1/issuing/authorizations"
    with sandbox.state.lock:
        return page(sandbox.state, command, "issuing.authorization", url=url, equal=equal)


def list_transactions(sandbox: Sandbox, command: Command) -> Json:
    """Show transactions, newest first."""
    equal, url = ("card", "cardholder", "type"), "/v1/issuing/transactions"
    with sandbox.state.lock:
        return page(sandbox.state, command, "issuing.transaction", url=url, equal=equal)


def _retrieve(sandbox: Sandbox, command: Command, kind: str) -> Json:
    with sandbox.state.lock:
        return render(sandbox.state, addressed(sandbox.state, kind, command.id), expand=command.expand)


def _update(sandbox: Sandbox, command: Command, kind: str, event_type: str) -> Json:
    with sandbox.state.lock:
        thing = addressed(sandbox.state, kind, command.id)
        before = render(sandbox.state, thing)
        thing["metadata"] = merge_metadata(thing["metadata"], command.params.get("metadata"))
        emit(sandbox, event_type, thing, command=command, before=before)
        return render(sandbox.state, thing, expand=command.expand)
