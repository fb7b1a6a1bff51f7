"""How users, card products, cards, gateway sources and webhooks look when they are new."""

import calendar
import secrets
from datetime import UTC, datetime
from typing import Any

from tests.sandbox.card_numbers import number_ending
from tests.sandbox.marqeta.state import State, timestamp, utc_now
from tests.sandbox.wire import Json, copy_of

_YEARS_VALID = 4
MASK = "*" * 12


def new_user(token: str, given: Json) -> Json:
    """Build a user; nobody has looked at who it is."""
    defaults: Json = {"uses_parent_account": False, "corporate_card_holder": False, "metadata": {}}
    return {**defaults, **given, "token": token, "active": False, "status": "UNVERIFIED"}


def new_card_product(token: str, given: Json) -> Json:
    """Build a card product with the program's defaults where nothing else is given."""
    config = _merged(_PRODUCT_CONFIG, given.get("config", {}))
    return {"active": True, **given, "token": token, "config": config}


def new_card(state: State, token: str, *, user: str, product: Json, given: Json) -> Json:
    """Build a card that nobody has activated, and draw its number and code."""
    last4 = given.get("last_four") or f"{secrets.randbelow(10_000):04d}"
    number = number_ending(last4)
    state.card_secrets[token] = (number, f"{secrets.randbelow(1000):03d}")
    expires = _end_of_month(given.get("expiration"))
    return {
        "token": token,
        "user_token": user,
        "card_product_token": product["token"],
        "last_four": last4,
        "pan": f"{number[:6]}______{last4}",
        "expiration": f"{expires:%m%y}",
        "expiration_time": timestamp(expires),
        "barcode": f"{secrets.randbelow(10**20):020d}",
        "pin_is_set": False,
        "state": "UNACTIVATED",
        "state_reason": "New card",
        "fulfillment_status": "ISSUED",
        "instrument_type": product["config"]["fulfillment"]["payment_instrument"],
        "expedite": False,
        "metadata": given.get("metadata", {}),
    }


def new_gateway_source(token: str, given: Json) -> Json:
    """Build a gateway source with its password in clear; `show_gateway_source` masks it."""
    defaults: Json = {"active": True, "custom_header": {}, "timeout_millis": 2000, "use_mtls": False}
    return {**defaults, **given, "token": token, "version": "1", "account": "sandbox"}


def new_webhook(token: str, given: Json) -> Json:
    """Build a webhook with its secrets in clear; `show_webhook` masks them."""
    return {"active": True, **given, "token": token}


def show_gateway_source(source: Json) -> Json:
    """Copy a gateway source for the outside."""
    return {**copy_of(source), "basic_auth_password": MASK, "custom_header": _masked(source["custom_header"])}


def show_webhook(webhook: Json) -> Json:
    """Copy a webhook for the outside."""
    shown: Json = copy_of(webhook)
    config = shown["config"]
    for name in ("basic_auth_username", "basic_auth_password", "secret"):
        if name in config:
            config[name] = MASK
    if "custom_header" in config:
        config["custom_header"] = _masked(config["custom_header"])
    return shown


_PRODUCT_CONFIG: Json = {
    "poi": {"ecommerce": True, "atm": False, "other": {"allow": True}},
    "fulfillment": {"payment_instrument": "VIRTUAL_PAN"},
    "card_life_cycle": {"activate_upon_issue": False},
    "transaction_controls": {
        "accepted_countries_token": "accept_us_only",
        "enable_partial_auth_approval": False,
        "allow_quasi_cash": False,
        "require_card_not_present_card_security_code": False,
        "ignore_card_suspended_state": False,
    },
    "jit_funding": {"programgateway_funding_source": {"enabled": False, "refunds_destination": "GATEWAY"}},
}


def _merged(defaults: Any, given: Any) -> Any:
    if not isinstance(defaults, dict) or not isinstance(given, dict):
        return copy_of(given)
    both = {**copy_of(defaults), **copy_of(given)}
    return {
        name: _merged(defaults[name], given[name]) if name in defaults and name in given else both[name]
        for name in both
    }


def _masked(headers: Json) -> Json:
    return dict.fromkeys(headers, MASK)


def _end_of_month(given: str | None) -> datetime:
    today = utc_now()
    month = int(given[:2]) if given else today.month
    year = 2000 + int(given[2:]) if given else today.year + _YEARS_VALID
    return datetime(year, month, calendar.monthrange(year, month)[1], 23, 59, 59, tzinfo=UTC)
