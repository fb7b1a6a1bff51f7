"""The program at its start: what the settings name, and what the world file has under `marqeta`, if it has that."""

from decimal import Decimal
from pathlib import Path

from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.fields import read_amount
from tests.sandbox.marqeta.state import State
from tests.sandbox.marqeta.things import new_card, new_card_product, new_gateway_source, new_user, new_webhook
from tests.sandbox.settings import MarqetaSettings
from tests.sandbox.wire import Json
from tests.sandbox.world import world_of

GATEWAY_SOURCE = "sandbox_gateway_source"
WEBHOOK = "sandbox_webhook"


def load_program(path: Path, settings: MarqetaSettings) -> State:
    """Build the state at the start; raises WorldError."""
    state = State()
    add_endpoints(state, settings)
    with world_of(path) as world:
        if "marqeta" in world:
            _add_people_and_cards(state, world["marqeta"])
    return state


def add_endpoints(state: State, settings: MarqetaSettings) -> None:
    """Add the gateway source and, where it has an address, the webhook that listens to everything."""
    state.add("gatewaysource", new_gateway_source(GATEWAY_SOURCE, _gateway_source(settings)))
    if settings.webhook_url:
        state.add("webhook", _webhook(settings))


def _webhook(settings: MarqetaSettings) -> Json:
    config: Json = {
        "url": settings.webhook_url,
        "basic_auth_username": settings.webhook_username,
        "basic_auth_password": settings.webhook_password,
        "signature_algorithm": settings.signature_algorithm,
    }
    if settings.webhook_secret:
        config["secret"] = settings.webhook_secret
    return new_webhook(WEBHOOK, {"name": "Sandbox webhook", "events": list(settings.webhook_events), "config": config})


def _gateway_source(settings: MarqetaSettings) -> Json:
    return {
        "name": "Sandbox gateway",
        "url": settings.gateway_url or "",
        "basic_auth_username": settings.gateway_username,
        "basic_auth_password": settings.gateway_password,
        "custom_header": dict(settings.gateway_headers),
        "timeout_millis": settings.gateway_timeout_ms,
    }


def _add_people_and_cards(state: State, given: Json) -> None:
    person, product, card = given["user"], given["card_product"], given["card"]
    user = state.add("user", new_user(person["token"], person), content=person)
    user.update(status="ACTIVE", active=True)
    gateway = {"enabled": True, "funding_source_token": GATEWAY_SOURCE}
    config = {"jit_funding": {"programgateway_funding_source": gateway}}
    made = state.add("cardproduct", new_card_product(product["token"], {**product, "config": config}), content=product)
    new = state.add("card", new_card(state, card["token"], user=user["token"], product=made, given=card), content=card)
    new.update(state="ACTIVE", state_reason="")
    for control in given.get("velocity_controls", []):
        _add_control(state, user, control)


def _add_control(state: State, user: Json, given: Json) -> None:
    state.add(
        "velocitycontrol",
        {
            "name": given["name"],
            "token": given["token"],
            "amount_limit": _money(given["amount_limit"]),
            "usage_limit": -1,
            "currency_code": "USD",
            "velocity_window": given["velocity_window"],
            "association": {"user_token": user["token"]},
            "active": True,
            "approvals_only": True,
            "include_purchases": True,
            **dict.fromkeys(("include_withdrawals", "include_cashback", "include_credits", "include_transfers"), False),
        },
        content=given,
    )


def _money(given: object) -> Decimal:
    try:
        return read_amount("amount_limit", given)
    except ApiError as error:
        raise ValueError(str(error)) from error
