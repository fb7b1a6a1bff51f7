"""Chargebacks: made by the program with `POST /chargebacks`, and the network's messages about them.

A chargeback that is made goes to the network at once: its message is PENDING, since no money has moved yet, and its
transition is INITIATED. `POST /chargebacks/transitions` withdraws it. The network's messages are under
`/simulations/cardtransactions/<event type>` like all others.

That a simulation exists for each of these types, and that a message carries its chargeback as an object, are the
sandbox's own words; `state` lets one be PENDING, before its money has moved, or DECLINED, when it never will. What
ends a chargeback sends a `chargebacktransition` beside it, and `/simulations/chargebacktransitions` sends one alone.
"""

from collections.abc import Callable
from decimal import Decimal

from tests.sandbox.marqeta import shapes
from tests.sandbox.marqeta.command import Command, Endpoint
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.events import Notice
from tests.sandbox.marqeta.fields import Spec, amount, flag, required, text, token, words
from tests.sandbox.marqeta.lookup import addressed, create_once, referenced
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
_OVER = ("CASE_WON", "CASE_LOST", "NETWORK_REJECTED", "WITHDRAWN", "WRITTEN_OFF_ISSUER", "WRITTEN_OFF_PROGRAM")
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
CREATE: Spec = {
    "token": token(),
    "transaction_token": required(token()),
    "amount": required(amount()),
    "channel": required(words("GATEWAY", "ISSUER")),
    "credit_user": required(flag()),
    "reason_description": text(),
    "reason_code": text(),
    "memo": text(most=99),
}
WITHDRAW: Spec = {
    "token": token(),
    "chargeback_token": required(token()),
    "state": required(words("WITHDRAWN")),
    "channel": required(words("GATEWAY", "ISSUER")),
    "reason": text(),
}
_TRANSITION: Spec = {
    "transaction_token": required(token()),
    "state": required(words(*_STATES)),
    "amount": amount(),
}


def create(program: Program, command: Command) -> Json:
    """Make a chargeback about a clearing: once, and for no more than it took."""
    body = command.body
    with program.state.lock:
        known = program.state.things["chargeback"].get(body.get("token", ""))
        disputed = origin_of(program, body["transaction_token"])
        if known is None:
            _refuse(program, disputed, body["amount"])
        thing, is_new = create_once(program.state, "chargeback", body, lambda token: {**body, "token": token})
        if is_new:
            thing["state"] = "INITIATED"
            opening = {**body, "preceding_related_transaction_token": disputed["token"], "state": "PENDING"}
            _tell(program, disputed, "authorization.clearing.chargeback", "", opening, reports="INITIATED")
        return copy_of(thing)


def retrieve(program: Program, command: Command) -> Json:
    """Show a chargeback."""
    with program.state.lock:
        return copy_of(addressed(program.state, "chargeback", command.token))


def withdraw(program: Program, command: Command) -> Json:
    """Take a chargeback back while it is open."""
    with program.state.lock:
        thing = referenced(program.state, "chargeback", command.body["chargeback_token"])
        if thing["state"] in _OVER:
            raise ApiError(f"A chargeback that is {thing['state']} cannot be withdrawn.", detail=13)
        about = _chargeback_of(program, program.state.transactions[thing["transaction_token"]])
        return _report(program, about, "WITHDRAWN", None)


def _refuse(program: Program, disputed: Json, amount: Decimal) -> None:
    if disputed["type"] != "authorization.clearing":
        raise ApiError("Only a clearing can be charged back.", detail=13)
    if any(each["transaction_token"] == disputed["token"] for each in program.state.things["chargeback"].values()):
        raise ApiError("This transaction has a chargeback already.", detail=13)
    if not 0 < amount <= disputed["amount"]:
        raise ApiError("A chargeback cannot be for more than its transaction.", detail=13)


def _say(begins: str, ends: str) -> Deed:
    def run(program: Program, command: Command) -> Json:
        body = command.body
        disputed = origin_of(program, body["preceding_related_transaction_token"])
        with program.state.lock:
            return {
                "transaction": copy_of(_tell(program, disputed, begins, ends, body, reports=_MOVES_TO.get(ends, "")))
            }

    return run


def _tell(program: Program, disputed: Json, begins: str, ends: str, body: Json, *, reports: str) -> Json:
    about = _chargeback_of(program, disputed)
    thing = _message(program, disputed, f"{begins}{ends}", _BEGINNINGS[begins], ends, body, about)
    state = body.get("state", "COMPLETION")
    code, memo = NO_FUNDS if state == "DECLINED" else APPROVED
    shapes.answer(thing, state=state, order_state=state, code=code, memo=memo)
    program.record(thing, chain=None, also=named_webhook(body))
    if reports:
        _report(program, about, reports, thing["amount"])
    return thing


def _transition(program: Program, command: Command) -> Json:
    disputed = origin_of(program, command.body["transaction_token"])
    with program.state.lock:
        return _report(program, _chargeback_of(program, disputed), command.body["state"], command.body.get("amount"))


def _chargeback_of(program: Program, disputed: Json) -> Json:
    """One clearing has one chargeback: the one that was made, or one whose token follows from the clearing."""
    made = program.state.things["chargeback"].values()
    found = (each["token"] for each in made if each["transaction_token"] == disputed["token"])
    return {
        "token": next(found, f"c{disputed['token'][:35]}"),
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
    known = program.state.things["chargeback"].get(about["token"])
    if known is not None:
        known["state"] = state
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
    Endpoint("POST", "/v3/chargebacks", create, CREATE, 201),
    Endpoint("GET", "/v3/chargebacks/<token>", retrieve),
    Endpoint("POST", "/v3/chargebacks/transitions", withdraw, WITHDRAW, 201),
    *(
        Endpoint("POST", f"{_PLACE}{begins}{ends}", _say(begins, ends), _MESSAGE, 201)
        for begins in _BEGINNINGS
        for ends in _ENDINGS
    ),
    Endpoint("POST", "/v3/simulations/chargebacktransitions", _transition, _TRANSITION, 201),
)
