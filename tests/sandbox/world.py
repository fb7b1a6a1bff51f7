"""The demo world: the people and cards that are there when the sandbox starts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from tests.sandbox.card_numbers import number_ending
from tests.sandbox.state import State
from tests.sandbox.stripe import entries, funding_test_cards, shapes_funding, shapes_issuing
from tests.sandbox.wire import Json


class WorldError(ValueError):
    """The world file cannot be used; the message says what is wrong with it."""


def load_world(path: Path, *, opening_top_up: bool = False) -> State:
    """Build the state that a world file describes; raises WorldError."""
    with world_of(path) as world:
        opening = int(world["issuing_balance_minor"])
        state = State(issuing_balance=0 if opening_top_up else opening)
        if opening_top_up:
            _top_up(state, opening)
        _add_cardholder(state, world["cardholder"])
        _add_card(state, world["cardholder"], world["virtual_card"])
        _add_customer(state, world["cardholder"])
        for method in world["funding_methods"]:
            _add_payment_method(state, world["cardholder"], method)
    return state


@contextmanager
def world_of(path: Path) -> Iterator[Json]:
    """Read a world file; what goes wrong with its content in a `with` block comes out as WorldError."""
    try:
        yield json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise WorldError(f"The world file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise WorldError(f"The world file {path} is not in order: {error!r}.") from error


def _top_up(state: State, amount: int) -> None:
    wanted = shapes_funding.topup(amount=amount, currency="usd", destination_balance="issuing")
    entries.enter_top_up(state, state.add(wanted))


def _add_cardholder(state: State, person: Json) -> None:
    cardholder = shapes_issuing.cardholder(name=person["name"], address=person["address"])
    year, month, day = map(int, person["birth_date"].split("-"))
    cardholder["individual"] = {
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "dob": {"day": day, "month": month, "year": year},
        "card_issuing": {"user_terms_acceptance": {"date": 1_790_000_000, "ip": "127.0.0.1", "user_agent": None}},
    }
    state.add({**cardholder, "id": person["issuer_cardholder_id"], "email": person["email"]})


def _add_card(state: State, person: Json, given: Json) -> None:
    card = shapes_issuing.card(
        cardholder_id=person["issuer_cardholder_id"],
        currency=given["currency"].lower(),
        last4=given["last_four"],
        exp_month=given["expiry_month"],
        exp_year=given["expiry_year"],
        kind="virtual",
    )
    limit = {"amount": given["daily_limit_minor"], "categories": [], "interval": "daily"}
    card["spending_controls"].update(spending_limits=[limit], spending_limits_currency=card["currency"])
    state.add({**card, "id": given["issuer_card_id"], "status": "active"})
    state.card_secrets[given["issuer_card_id"]] = (number_ending(given["last_four"]), "123")


def _add_customer(state: State, person: Json) -> None:
    customer = shapes_funding.customer()
    state.add({**customer, "id": person["processor_customer_id"], "name": person["name"], "email": person["email"]})


def _add_payment_method(state: State, person: Json, given: Json) -> None:
    method = shapes_funding.payment_method(
        brand=given["network"],
        last4=given["last_four"],
        exp_month=given["expiry_month"],
        exp_year=given["expiry_year"],
        fingerprint=funding_test_cards.fingerprint(f"{given['network']}{given['last_four']}"),
    )
    state.add({**method, "id": given["processor_method_id"], "customer": person["processor_customer_id"]})
