"""The second version of the simulations: `/simulations/cardtransactions/<event type>`."""

from collections.abc import Callable

from tests.sandbox.marqeta import settlement
from tests.sandbox.marqeta.authorizations import authorize, increment
from tests.sandbox.marqeta.command import Command, Endpoint
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.fields import Field, Spec, amount, flag, required, text, token
from tests.sandbox.marqeta.presenting import (
    FIRST,
    WEBHOOK,
    chain_behind,
    named_webhook,
    origin_of,
    present,
    present_again,
)
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.settlement import advise, clear, expire, force_post, refund, reverse
from tests.sandbox.marqeta.simulate import clearing_of
from tests.sandbox.marqeta.state import Chain
from tests.sandbox.wire import Json

_PLACE = "/v3/simulations/cardtransactions/"
_ASKED = (
    "authorization",
    "authorization.cashback",
    "authorization.atm.withdrawal",
    "authorization.quasi.cash",
    "pindebit",
)

_LATER: Spec = {**WEBHOOK, "preceding_related_transaction_token": required(token()), "amount": required(amount())}
_EXPIRY: Spec = {**_LATER, "amount": amount()}
# A clearing or a refund may be a first message too, then it names a card.
_EITHER: dict[str, Field] = {
    **FIRST,
    "card_token": token(),
    "preceding_related_transaction_token": token(),
    "is_final_clearing": flag(),
    "multi_clearing_sequence_number": text(most=2),
    "multi_clearing_sequence_count": text(most=2),
}

Deed = Callable[[Program, Command], Json]


def _ask(kind: str) -> Deed:
    def run(program: Program, command: Command) -> Json:
        return _answer(authorize(program, present(program, command.body, kind=kind)))

    return run


def _follow(deed: Callable[[Program, Chain, Json], Json]) -> Deed:
    def run(program: Program, command: Command) -> Json:
        chain = chain_behind(program, command.body["preceding_related_transaction_token"])
        return _answer(deed(program, chain, command.body))

    return run


def _stand_in(program: Program, command: Command) -> Json:
    return _answer(settlement.stand_in(program, present(program, command.body)))


def _clearing(program: Program, command: Command) -> Json:
    body = command.body
    if "preceding_related_transaction_token" not in body:
        _check_card(body)
        return _answer(force_post(program, present(program, body)))
    chain = chain_behind(program, body["preceding_related_transaction_token"])
    return _answer(clear(program, chain, clearing_of(body), also=named_webhook(body)))


def _refund(program: Program, command: Command) -> Json:
    body = command.body
    if "preceding_related_transaction_token" in body:
        origin = origin_of(program, body["preceding_related_transaction_token"])
        return _answer(refund(program, present_again(body, origin)))
    _check_card(body)
    return _answer(refund(program, present(program, body)))


def _check_card(body: Json) -> None:
    if "card_token" not in body:
        raise ApiError("card_token or preceding_related_transaction_token is required.", detail=3)


def _answer(transaction: Json) -> Json:
    return {"transaction": transaction}


_INCREMENT = _follow(lambda program, chain, body: increment(program, chain, body["amount"], also=named_webhook(body)))
_REVERSAL = _follow(lambda program, chain, body: reverse(program, chain, body["amount"], also=named_webhook(body)))
_ADVICE = _follow(lambda program, chain, body: advise(program, chain, body["amount"], also=named_webhook(body)))
_EXPIRE = _follow(lambda program, chain, body: expire(program, chain, also=named_webhook(body)))

ENDPOINTS = (
    *(Endpoint("POST", f"{_PLACE}{kind}", _ask(kind), FIRST, 201) for kind in _ASKED),
    Endpoint("POST", f"{_PLACE}authorization.standin", _stand_in, FIRST, 201),
    Endpoint("POST", f"{_PLACE}authorization.incremental", _INCREMENT, _LATER, 201),
    Endpoint("POST", f"{_PLACE}authorization.reversal", _REVERSAL, _LATER, 201),
    Endpoint("POST", f"{_PLACE}authorization.reversal.issuerexpiration", _EXPIRE, _EXPIRY, 201),
    Endpoint("POST", f"{_PLACE}authorization.advice", _ADVICE, _LATER, 201),
    Endpoint("POST", f"{_PLACE}authorization.clearing", _clearing, _EITHER, 201),
    Endpoint("POST", f"{_PLACE}refund", _refund, _EITHER, 201),
)
