"""Issued cards: made inactive, frozen and thawed at will, canceled for good."""

import secrets

from tests.sandbox.card_numbers import number_ending
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State
from tests.sandbox.stripe import shapes_issuing
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.controls import DEFAULT_LIMIT, apply_controls, controls_field
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.events import emit
from tests.sandbox.stripe.lookup import PAGING, addressed, page, referenced
from tests.sandbox.stripe.render import render
from tests.sandbox.stripe.specs import Field, Spec, anything, merge_metadata, metadata, required, text, whole, words
from tests.sandbox.wire import Json, utc_today

_COMMON: dict[str, Field] = {
    "spending_controls": controls_field(),
    "metadata": metadata(),
    **dict.fromkeys(("personalization_design", "pin", "shipping", "second_line", "financial_account"), anything()),
}
CREATE: Spec = {
    **_COMMON,
    "currency": required(text()),
    "type": required(words("virtual", "physical")),
    "cardholder": required(text()),
    "status": words("active", "inactive"),
    "replacement_for": text(),
    "replacement_reason": words("damaged", "expired", "lost", "stolen"),
    "exp_month": whole(least=1, most=12),
    "exp_year": whole(least=2000, most=2099),
    "lifecycle_controls": anything(),
}
UPDATE: Spec = {
    **_COMMON,
    "status": words("active", "inactive", "canceled"),
    "cancellation_reason": words("lost", "stolen"),
}
RETRIEVE: Spec = {}
_FILTERS = ("cardholder", "last4", "status", "type", "exp_month", "exp_year")
LIST: Spec = {
    **PAGING,
    **{name: text() for name in ("cardholder", "last4")},
    **{name: CREATE[name] for name in ("exp_month", "exp_year")},
    "status": UPDATE["status"],
    "type": words("virtual", "physical"),
}
_SECRETS = ("number", "cvc")


def create(sandbox: Sandbox, command: Command) -> Json:
    """Make a card; without spending limits it gets Stripe's default of 500 USD a day."""
    state, params = sandbox.state, command.params
    with state.lock:
        cardholder = referenced(state, "issuing.cardholder", params["cardholder"], param="cardholder")
        card = _build(params)
        controls = apply_controls(card["spending_controls"], params.get("spending_controls") or {})
        controls["spending_limits"] = controls["spending_limits"] or [dict(DEFAULT_LIMIT)]
        card["spending_controls"] = {**controls, "spending_limits_currency": card["currency"]}
        _set_status(card, cardholder, params.get("status", "inactive"))
        _replace(state, card, params)
        state.add(card)
        keep_secrets(state, card)
        emit(sandbox, "issuing_card.created", card, command=command)
        return render(state, card, expand=command.expand)


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show a card; the number and the security code of a virtual one only when expanded."""
    state = sandbox.state
    with state.lock:
        card = addressed(state, "issuing.card", command.id)
        asked = [path for path in command.expand if path in _SECRETS]
        shown = render(state, card, expand=[path for path in command.expand if path not in _SECRETS])
        if asked and card["type"] != "virtual":
            raise ApiError("Only virtual cards tell their number.", param="expand")
        secret = dict(zip(_SECRETS, state.card_secrets[card["id"]], strict=True))
        return {**shown, **{name: secret[name] for name in asked}}


def update(sandbox: Sandbox, command: Command) -> Json:
    """Change status, controls or metadata; raises ApiError for a canceled card."""
    state, params = sandbox.state, command.params
    with state.lock:
        card = addressed(state, "issuing.card", command.id)
        if card["status"] == "canceled":
            raise ApiError("This card has been canceled: it can no longer be updated.")
        before = render(state, card)
        if "spending_controls" in params:
            card["spending_controls"] = apply_controls(card["spending_controls"], params["spending_controls"])
        _set_status(
            card, state.objects["issuing.cardholder"][card["cardholder"]], str(params.get("status", card["status"]))
        )
        card["cancellation_reason"] = params.get("cancellation_reason")
        card["metadata"] = merge_metadata(card["metadata"], params.get("metadata"))
        emit(sandbox, "issuing_card.updated", card, command=command, before=before)
        return render(state, card, expand=command.expand)


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show cards, newest first, never with their numbers."""
    with sandbox.state.lock:
        return page(sandbox.state, command, "issuing.card", url="/v1/issuing/cards", equal=_FILTERS)


def keep_secrets(state: State, card: Json) -> None:
    """Make up the number and the security code of a new card."""
    state.card_secrets[card["id"]] = (number_ending(card["last4"]), f"{secrets.randbelow(1000):03d}")


def _build(params: Json) -> Json:
    return {
        **shapes_issuing.card(
            cardholder_id=params["cardholder"],
            currency=params["currency"].lower(),
            last4=f"{secrets.randbelow(10_000):04d}",
            exp_month=params.get("exp_month", 12),
            exp_year=params.get("exp_year", utc_today().year + 4),
            kind=params["type"],
        ),
        "lifecycle_controls": params.get("lifecycle_controls"),
        "metadata": merge_metadata({}, params.get("metadata")),
    }


def _set_status(card: Json, cardholder: Json, status: str) -> None:
    missing = cardholder["requirements"]["past_due"]
    if status == "active" and card["status"] != "active" and missing:
        raise ApiError(f"This card cannot be activated: its cardholder lacks {', '.join(missing)}.", param="status")
    card["status"] = status


def _replace(state: State, card: Json, params: Json) -> None:
    if "replacement_for" not in params:
        return
    old = referenced(state, "issuing.card", params["replacement_for"], param="replacement_for")
    card.update(replacement_for=old["id"], replacement_reason=params.get("replacement_reason"))
    old["replaced_by"] = card["id"]
