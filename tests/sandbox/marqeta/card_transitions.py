"""Card transitions: the only way from one state of a card to another."""

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.events import Notice
from tests.sandbox.marqeta.fields import anything, flag, required, text, token, words
from tests.sandbox.marqeta.lookup import addressed, create_once, page, referenced
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import new_token
from tests.sandbox.marqeta.user_transitions import CHANNELS, REASON_CODES
from tests.sandbox.wire import Json, copy_of

_MOVES = {
    "UNACTIVATED": ("ACTIVE", "LIMITED", "SUSPENDED", "TERMINATED"),
    "ACTIVE": ("LIMITED", "SUSPENDED", "TERMINATED"),
    "LIMITED": ("ACTIVE", "SUSPENDED", "TERMINATED"),
    "SUSPENDED": ("ACTIVE", "LIMITED", "TERMINATED"),
    "TERMINATED": (),
}
_TYPES = {"LIMITED": "state.limited", "SUSPENDED": "state.suspended", "TERMINATED": "state.terminated"}
_OF_THE_CARD = ("user_token", "card_product_token", "last_four", "pan", "expiration", "expiration_time", "barcode")

CREATE = {
    "token": token(),
    "card_token": required(token()),
    "state": required(words(*(state for state in _MOVES if state != "UNACTIVATED"))),
    "channel": required(words(*CHANNELS)),
    "reason_code": words(*REASON_CODES),
    "reason": text(),
    "sync_state_with_dwts": flag(),
    "validations": anything(),
}


def create(program: Program, command: Command) -> Json:
    """Move a card along the table."""
    state, body = program.state, command.body
    with state.lock:
        card = referenced(state, "card", body["card_token"])
        transition, is_new = create_once(state, "cardtransition", body, lambda token: _transition(token, card, body))
        if is_new:
            _carry_out(program, card, transition)
        return copy_of(transition)


def issue(program: Program, card: Json) -> None:
    """Report that a card was made; call it under the lock."""
    body = {"state": card["state"], "channel": "SYSTEM", "type": "fulfillment.issued"}
    _report(program, program.state.add("cardtransition", {**_about(card), **body, "token": new_token()}))


def move_card(program: Program, card: Json, to: str, *, channel: str, reason_code: str) -> None:
    """Move a card on the program's own account; call it under the lock."""
    body = {"state": to, "channel": channel, "reason_code": reason_code}
    _carry_out(program, card, program.state.add("cardtransition", _transition(new_token(), card, body)))


def retrieve(program: Program, command: Command) -> Json:
    """Show a transition."""
    with program.state.lock:
        return copy_of(addressed(program.state, "cardtransition", command.token))


def list_of_card(program: Program, command: Command) -> Json:
    """Show one page of a card's transitions."""
    with program.state.lock:
        return page(program.state, command, "cardtransition", show=copy_of, sort_by="-createdTime")


def _transition(token: str, card: Json, body: Json) -> Json:
    if body["state"] not in _MOVES[card["state"]]:
        raise ApiError(f"A card cannot go from {card['state']} to {body['state']}.", detail=13)
    first = card["state"] == "UNACTIVATED"
    kind = _TYPES.get(body["state"], "state.activated" if first else "state.reinstated")
    return {**_about(card), **body, "token": token, "type": kind}


def _about(card: Json) -> Json:
    shared = {name: card[name] for name in (*_OF_THE_CARD, "pin_is_set", "fulfillment_status")}
    return {**shared, "card_token": card["token"]}


def _carry_out(program: Program, card: Json, transition: Json) -> None:
    card.update(state=transition["state"], state_reason=transition.get("reason", ""))
    program.state.touch("card", card)
    _report(program, transition)


def _report(program: Program, transition: Json) -> None:
    row = copy_of(transition)
    program.report(Notice("cardtransition", row["type"], row["token"], row["card_token"], row))
