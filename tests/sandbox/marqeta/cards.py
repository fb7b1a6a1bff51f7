"""Cards: made, shown, found by their user, and revealed to whoever may see the number."""

import time
from datetime import timedelta

from tests.sandbox.marqeta.card_transitions import issue, move_card
from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.fields import anything, required, texts_by_name, token
from tests.sandbox.marqeta.lookup import addressed, create_once, page, referenced
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import State, new_token, timestamp, utc_now
from tests.sandbox.marqeta.things import new_card
from tests.sandbox.wire import Json, copy_of

_METADATA = texts_by_name(most=20)
CREATE = {
    "token": token(),
    "user_token": required(token()),
    "card_product_token": required(token()),
    "metadata": _METADATA,
    **dict.fromkeys(("expiration_offset", "fulfillment", "expedite", "activation_actions"), anything()),
}
UPDATE = {"token": token(), "metadata": _METADATA, "expedite": anything(), "fulfillment": anything()}
CLIENT_ACCESS = {"card_token": required(token()), "application_token": anything()}

_ACCESS_TOKEN_LIVES_S = 300


def create(program: Program, command: Command) -> Json:
    """Issue a card; the query decides whether its number and code are shown."""
    state, body = program.state, command.body
    with state.lock:
        card, is_new = create_once(state, "card", body, lambda token: _new(state, token, body))
        if is_new:
            issue(program, card)
            product = state.things["cardproduct"][card["card_product_token"]]
            if product["config"]["card_life_cycle"]["activate_upon_issue"]:
                move_card(program, card, "ACTIVE", channel="SYSTEM", reason_code="00")
        return _show(state, card, number=command.asks_for("show_pan"), code=command.asks_for("show_cvv_number"))


def retrieve(program: Program, command: Command) -> Json:
    """Show a card with a masked number."""
    with program.state.lock:
        return copy_of(addressed(program.state, "card", command.token))


def update(program: Program, command: Command) -> Json:
    """Replace the metadata; the state moves only by transitions."""
    state = program.state
    with state.lock:
        card = addressed(state, "card", command.token)
        card.update(copy_of({name: value for name, value in command.body.items() if name != "token"}))
        state.touch("card", card)
        return copy_of(card)


def list_of_user(program: Program, command: Command) -> Json:
    """Show one page of a user's cards."""
    with program.state.lock:
        addressed(program.state, "user", command.place["user_token"])
        return page(program.state, command, "card", show=copy_of)


def show_pan(program: Program, command: Command) -> Json:
    """Show a card with its whole number, and its code where the query asks for it."""
    with program.state.lock:
        card = addressed(program.state, "card", command.token)
        return _show(program.state, card, number=True, code=command.asks_for("show_cvv_number"))


def create_client_access_token(program: Program, command: Command) -> Json:
    """Make a token that reveals one card once, within five minutes."""
    state = program.state
    with state.lock:
        card = referenced(state, "card", command.body["card_token"])
        token, now = new_token(), utc_now()
        state.access_tokens[token] = (card["token"], time.monotonic() + _ACCESS_TOKEN_LIVES_S)
        return {
            "token": token,
            "created": timestamp(now),
            "expires": timestamp(now + timedelta(seconds=_ACCESS_TOKEN_LIVES_S)),
            "card_token": card["token"],
            "application": {"token": command.body.get("application_token", program.settings.application_token)},
        }


def redeem_access_token(state: State, *, access_token: str, card_token: str) -> bool:
    """Use up a client access token; False when it is unknown, used, too old or for another card."""
    with state.lock:
        if state.access_tokens.get(access_token, ("", 0.0))[0] != card_token:
            return False
        return time.monotonic() < state.access_tokens.pop(access_token)[1]


def _new(state: State, token: str, body: Json) -> Json:
    user = referenced(state, "user", body["user_token"])
    product = referenced(state, "cardproduct", body["card_product_token"])
    if user["status"] in ("CLOSED", "TERMINATED"):
        raise ApiError(f"The user is {user['status']} and gets no card.")
    return new_card(state, token, user=user["token"], product=product, given=body)


def _show(state: State, card: Json, *, number: bool, code: bool) -> Json:
    shown: Json = copy_of(card)
    pan, cvv = state.card_secrets[card["token"]]
    if number:
        shown["pan"] = pan
    if code:
        shown["cvv_number"] = cvv
    return shown
