"""The network's side of a purchase, played by the test helpers: ask, ask for more, give back, let lapse."""

from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe import shapes_issuing
from tests.sandbox.stripe.categories import merchant
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError, RefusedError
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.exchange import convert
from tests.sandbox.stripe.holds import set_hold
from tests.sandbox.stripe.lookup import addressed, referenced
from tests.sandbox.stripe.purchase_specs import METHODS_IN_PERSON
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.rounds import decide
from tests.sandbox.wire import Json

# From this version on an uncaptured authorization that lapses is `expired`; before, it was `reversed`.
VERSION_WITH_EXPIRED = "2025-03-31"


def create(sandbox: Sandbox, command: Command) -> Json:
    """Present the card at a merchant: own checks, the decision request, then `issuing_authorization.created`."""
    state = sandbox.state
    with state.lock:
        card = referenced(state, "issuing.card", command.params["card"], param="card")
        authorization = _build(sandbox, card, command.params)
        pending = authorization["pending_request"] = _question(authorization, command.params)
        state.add(authorization)
    decide(sandbox, authorization, pending)
    with state.lock:
        emit(sandbox, "issuing_authorization.created", authorization, command=command)
        return render(state, authorization, expand=command.expand)


def increment(sandbox: Sandbox, command: Command) -> Json:
    """Ask for more under the same id: only the extra stands in the request."""
    state = sandbox.state
    with state.lock:
        authorization = _held(sandbox, command, "incremented")
        before = render(state, authorization)
        extra = command.params["increment_amount"]
        merchant_extra = _to_merchant(authorization, extra)
        pending = shapes_issuing.pending_request(
            authorization=authorization,
            amount=extra,
            merchant_amount=merchant_extra,
            controllable=command.params.get("is_amount_controllable", False),
        )
    decide(sandbox, authorization, pending)
    return _updated(sandbox, authorization, before, command)


def reverse(sandbox: Sandbox, command: Command) -> Json:
    """Void all of the hold or a part of it; a part leaves the authorization pending."""
    with sandbox.state.lock:
        authorization = _held(sandbox, command, "reversed")
        before = render(sandbox.state, authorization)
        amount = command.params.get("reverse_amount", authorization["amount"])
        if amount > authorization["amount"]:
            message = f"The amount to reverse is greater than the {authorization['amount']} that are held."
            raise ApiError(message, param="reverse_amount")
        _set_amount(sandbox, authorization, authorization["amount"] - amount)
        if authorization["amount"] == 0:
            authorization["status"] = "reversed"
        return _updated(sandbox, authorization, before, command)


def expire(sandbox: Sandbox, command: Command) -> Json:
    """Let the hold lapse; the amount stays, for a capture that comes late."""
    with sandbox.state.lock:
        authorization = _held(sandbox, command, "expired")
        before = render(sandbox.state, authorization)
        knows_expired = sandbox.settings.api_version >= VERSION_WITH_EXPIRED
        authorization["status"] = "expired" if knows_expired else "reversed"
        set_hold(sandbox.state, authorization, held=0)
        return _updated(sandbox, authorization, before, command)


def finalize_amount(sandbox: Sandbox, command: Command) -> Json:
    """Replace an estimated amount by the real one, as a petrol pump does after pumping."""
    with sandbox.state.lock:
        authorization = _held(sandbox, command, "finalized")
        before = render(sandbox.state, authorization)
        _set_amount(sandbox, authorization, command.params["final_amount"])
        for name in ("fleet", "fuel"):
            authorization[name] = command.params.get(name, authorization[name])
        return _updated(sandbox, authorization, before, command)


def _build(sandbox: Sandbox, card: Json, params: Json) -> Json:
    currency = str(params.get("currency", card["currency"])).lower()
    if currency != card["currency"]:
        raise RefusedError(f"The card's currency is {card['currency']}.", param="currency")
    authorization = shapes_issuing.authorization(
        card=card,
        merchant_currency=params.get("merchant_currency", currency).lower(),
        merchant=merchant(params.get("merchant_data") or {}, sandbox.categories),
    )
    for name in ("authorization_method", "fleet", "fuel", "wallet"):
        authorization[name] = params.get(name, authorization[name])
    for name in ("verification_data", "network_data"):
        authorization[name].update(params.get(name) or {})
    if authorization["authorization_method"] in METHODS_IN_PERSON:
        authorization["card_presence"] = "present"
    return authorization


def _question(authorization: Json, params: Json) -> Json:
    if "amount" not in params and "merchant_amount" not in params:
        raise RefusedError("Missing required param: amount.", code="parameter_missing", param="amount")
    ours, theirs = authorization["currency"], authorization["merchant_currency"]
    amount = params.get("amount")
    merchant_amount = params.get("merchant_amount")
    if merchant_amount is None:
        merchant_amount = convert(amount or 0, source=ours, target=theirs)
    if amount is None:
        amount = convert(merchant_amount, source=theirs, target=ours)
    return shapes_issuing.pending_request(
        authorization=authorization,
        amount=amount,
        merchant_amount=merchant_amount,
        controllable=params.get("is_amount_controllable", False),
        details=params.get("amount_details"),
    )


def _held(sandbox: Sandbox, command: Command, deed: str) -> Json:
    authorization = addressed(sandbox.state, "issuing.authorization", command.id)
    if authorization["status"] != "pending" or not authorization["approved"]:
        message = f"This authorization cannot be {deed}: its status is {authorization['status']}."
        raise ApiError(message, code="authorization_unexpected_state")
    return authorization


def _set_amount(sandbox: Sandbox, authorization: Json, amount: int) -> None:
    authorization["merchant_amount"] = _to_merchant(authorization, amount)
    authorization["amount"] = amount
    set_hold(sandbox.state, authorization, held=amount)


def _to_merchant(authorization: Json, amount: int) -> int:
    # At the rate of what is held already: a second rate would make a part worth more than the whole.
    if authorization["currency"] == authorization["merchant_currency"] or not authorization["amount"]:
        return amount
    return int(amount * authorization["merchant_amount"] // authorization["amount"])


def _updated(sandbox: Sandbox, authorization: Json, before: Json, command: Command) -> Json:
    with sandbox.state.lock:
        emit(sandbox, "issuing_authorization.updated", authorization, command=command, before=before)
        return render(sandbox.state, authorization, expand=command.expand)
