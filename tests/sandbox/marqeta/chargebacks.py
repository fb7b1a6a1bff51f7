"""Chargebacks: messages about a clearing, under `/simulations/cardtransactions/<event type>` like all others.

That a simulation exists for each of these types, and that a message carries its chargeback as an object, are the
sandbox's own words; `state` lets one be PENDING, before its money has moved, or DECLINED, when it never will. What
ends a chargeback sends a `chargebacktransition` beside it, and `/simulations/chargebacktransitions` sends one alone.
"""

from collections.abc import Callable

from tests.sandbox.marqeta import shapes
from tests.sandbox.marqeta.command import Command, Endpoint
from tests.sandbox.marqeta.events import Notice
from tests.sandbox.marqeta.fields import Spec, amount, required, token, words
from tests.sandbox.marqeta.presenting import WEBHOOK, named_webhook, origin_of
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import new_token, timestamp
from tests.sandbox.marqeta.verdict import APPROVED, NO_FUNDS
from tests.sandbox.wire import Json, copy_of

Deed = Callable[[Program, Command], Json]
_PLACE = "/v3/simulations/cardtransactions/"
_BEGINNINGS = {
    "authorization.clearing.chargeback": "pgfs.authorization.capture.chargeback",
    "pindebit.chargeback": "pgfs.pindebit.chargeback",
}
_TAKES = (".reversal", ".provisional.debit")
_ENDINGS = (
    "",
    ".representment",
    ".completed",
    ".reversal",
    ".provisional.credit",
    ".provisional.debit",
    ".writeoff",
)
_MOVES_TO = {"": "INITIATED", ".completed": "CASE_WON", ".reversal": "CASE_LOST"}
_STATES = (
    "RETRIEVAL_REQUEST",
    "INITIATED",
    "REPRESENTMENT",
    "PREARBITRATION",
    "PREARB_RESPONDED",
    "ARBITRATION",
    "CASE_WON",
    "CASE_LOST",
    "NETWORK_REJECTED",
    "WITHDRAWN",
    "WRITTEN_OFF_ISSUER",
    "WRITTEN_OFF_PROGRAM",
)
_MESSAGE: Spec = {
    **WEBHOOK,
    "preceding_related_transaction_token": required(token()),
    "amount": required(amount()),
    "state": words("PENDING", "COMPLETION", "DECLINED"),
}
_TRANSITION: Spec = {
    "transaction_token": required(token()),
    "state": required(words(*_STATES)),
    "amount": amount(),
}


def _say(begins: str, ends: str) -> Deed:
    def run(program: Program, command: Command) -> Json:
        body = command.body
        disputed = origin_of(program, body["preceding_related_transaction_token"])
        with program.state.lock:
            about = _chargeback_of(disputed)
            thing = _message(program, disputed, f"{begins}{ends}", _BEGINNINGS[begins], ends, body, about)
            state = body.get("state", "COMPLETION")
            code, memo = NO_FUNDS if state == "DECLINED" else APPROVED
            shapes.answer(thing, state=state, order_state=state, code=code, memo=memo)
            program.record(thing, chain=None, also=named_webhook(body))
            if ends in _MOVES_TO:
                _report(program, about, _MOVES_TO[ends], thing["amount"])
            return {"transaction": copy_of(thing)}

    return run


def _transition(program: Program, command: Command) -> Json:
    disputed = origin_of(program, command.body["transaction_token"])
    with program.state.lock:
        return _report(program, _chargeback_of(disputed), command.body["state"], command.body.get("amount"))


def _chargeback_of(disputed: Json) -> Json:
    """One clearing has one chargeback, whose token follows from it."""
    return {
        "token": f"c{disputed['token'][:35]}",
        "transaction_token": disputed["token"],
        "reason_description": "not_received",
    }


def _message(program: Program, disputed: Json, kind: str, method: str, ends: str, body: Json, about: Json) -> Json:
    return shapes.transaction(
        shapes.Message(
            type=kind,
            method=f"{method}{ends}",
            card=program.state.things["card"][disputed["card_token"]],
            amount=body["amount"],
            merchant=disputed["card_acceptor"],
            pos=disputed["pos"],
            network=disputed["network"],
            unload=ends not in _TAKES,
            more={"preceding_related_transaction_token": disputed["token"], "chargeback": about},
        )
    )


def _report(program: Program, about: Json, state: str, moved: object) -> Json:
    row = {
        "token": new_token(),
        "chargeback_token": about["token"],
        "transaction_token": about["transaction_token"],
        "state": state,
        "channel": "ISSUER",
        "type": f"chargeback.{state.lower()}",
        "created_time": timestamp(),
        **({"amount": moved} if moved is not None else {}),
    }
    program.report(Notice("chargebacktransition", row["type"], row["token"], about["token"], row))
    return copy_of(row)


ENDPOINTS = (
    *(
        Endpoint("POST", f"{_PLACE}{begins}{ends}", _say(begins, ends), _MESSAGE, 201)
        for begins in _BEGINNINGS
        for ends in _ENDINGS
    ),
    Endpoint("POST", "/v3/simulations/chargebacktransitions", _transition, _TRANSITION, 201),
)
