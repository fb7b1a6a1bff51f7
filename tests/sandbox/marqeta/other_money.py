"""Money that is no purchase: account fundings, original credits, refunds in two messages, and the program's entries.

Simulations of account fundings, original credits, PIN debits and refund authorizations are Marqeta's (simulations 2.0);
those of ENTRIES, and in which state each message comes, are the sandbox's own words. What follows an earlier message
has to follow one of its own family.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.sandbox.marqeta import settlement, shapes
from tests.sandbox.marqeta.authorizations import authorize
from tests.sandbox.marqeta.command import Command, Endpoint
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.fields import Spec, amount, required, token, words
from tests.sandbox.marqeta.presenting import FIRST, WEBHOOK, chain_behind, named_webhook, origin_of, present
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.simulate import clearing_of
from tests.sandbox.marqeta.state import Chain
from tests.sandbox.marqeta.verdict import APPROVED
from tests.sandbox.wire import Json, copy_of

Deed = Callable[[Program, Command], Json]
_PLACE = "/v3/simulations/cardtransactions/"
# The gateway is asked about these.
_ASKED = ("account.funding.authorization", "account.funding.auth_plus_capture", "pindebit.authorization")
# First messages that only tell -> the state they come in.
_TOLD = {
    "original.credit.authorization": "PENDING",
    "original.credit.auth_plus_capture": "COMPLETION",
    "refund.authorization": "PENDING",
    "pindebit.refund": "COMPLETION",
}
# Entries of the program itself, at no merchant.
ENTRIES = (
    "dispute.credit",
    "dispute.debit",
    "directdeposit.credit",
    "directdeposit.debit",
    "account.credit",
    "account.debit",
    "fee.charge",
    "pindebit.credit.adjustment",
    "pindebit.debit.adjustment",
)
_GIVES = ("original.credit.", "refund.", "pindebit.refund", "dispute.credit", "directdeposit.credit", "account.credit")
# Holds that can be taken and given back -> the methods of both.
_HOLDS = {
    "account.funding.authorization": ("pgfs.authorization.capture", "pgfs.authorization.reversal"),
    "pindebit.authorization": ("pgfs.pindebit.authorization.clearing", "pgfs.pindebit.authorization.reversal"),
}
# What follows another message, without a hold between them -> what it follows, and the state it comes in.
_FOLLOWS = {
    "original.credit.authorization.clearing": ("original.credit.authorization", "COMPLETION"),
    "original.credit.authorization.reversal": ("original.credit.authorization", "CLEARED"),
    "original.credit.auth_plus_capture.reversal": ("original.credit.auth_plus_capture", "COMPLETION"),
    "account.funding.auth_plus_capture.reversal": ("account.funding.auth_plus_capture", "COMPLETION"),
    "pindebit.reversal": ("pindebit", "COMPLETION"),
    "refund.authorization.clearing": ("refund.authorization", "COMPLETION"),
    "refund.authorization.reversal": ("refund.authorization", "CLEARED"),
}
_LATER: Spec = {**WEBHOOK, "preceding_related_transaction_token": required(token()), "amount": required(amount())}
# A word of the sandbox: in which state the message comes.
_STATED: Spec = {"state": words("PENDING", "COMPLETION", "CLEARED", "DECLINED")}
_FIRST: Spec = {**FIRST, **_STATED}


def _ask(kind: str) -> Deed:
    def run(program: Program, command: Command) -> Json:
        presented = present(program, command.body, kind=kind)
        if kind.startswith("account.funding."):
            presented = replace(presented, more={"account_funding": {"funding_source": "CREDIT"}, **presented.more})
        return {"transaction": authorize(program, presented)}

    return run


def _tell(kind: str, state: str) -> Deed:
    def run(program: Program, command: Command) -> Json:
        presented = present(program, command.body, kind=kind)
        origin = {
            "card_token": presented.card_token,
            "card_acceptor": presented.merchant,
            "pos": presented.pos,
            "network": presented.network,
        }
        return _record(program, kind, origin, command.body, state=state, more=presented.more)

    return run


def _follow(kind: str, follows: str, state: str) -> Deed:
    def run(program: Program, command: Command) -> Json:
        named = command.body["preceding_related_transaction_token"]
        origin = origin_of(program, named)
        _check_family(origin, follows)
        more = {"preceding_related_transaction_token": named}
        return _record(program, kind, origin, command.body, state=state, more=more)

    return run


def _clear(kind: str) -> Deed:
    def run(program: Program, command: Command) -> Json:
        chain = _chain(program, command, kind)
        clearing = replace(clearing_of(command.body), kind=f"{kind}.clearing", method=_HOLDS[kind][0])
        return {"transaction": settlement.clear(program, chain, clearing, also=named_webhook(command.body))}

    return run


def _reverse(kind: str) -> Deed:
    def run(program: Program, command: Command) -> Json:
        chain, body = _chain(program, command, kind), command.body
        how = {"kind": f"{kind}.reversal", "method": _HOLDS[kind][1]}
        return {"transaction": settlement.reverse(program, chain, body["amount"], also=named_webhook(body), **how)}

    return run


def _chain(program: Program, command: Command, kind: str) -> Chain:
    chain = chain_behind(program, command.body["preceding_related_transaction_token"])
    _check_family(chain.origin, kind)
    return chain


def _check_family(origin: Json, kind: str) -> None:
    if origin["type"] != kind:
        raise ApiError(f"This follows a message of type {kind}, and not {origin['type']}.", detail=18)


def _record(program: Program, kind: str, origin: Json, body: Json, *, state: str, more: Json) -> Json:
    told = body.get("state", state)
    with program.state.lock:
        thing = shapes.transaction(
            shapes.Message(
                type=kind,
                method=f"pgfs.{kind}",
                card=program.state.things["card"][origin["card_token"]],
                amount=body["amount"],
                merchant=origin["card_acceptor"],
                pos=origin["pos"],
                network=origin["network"],
                unload=kind.startswith(_GIVES) or kind.endswith(".reversal"),
                more=more,
            )
        )
        if kind in ENTRIES:
            del thing["card_acceptor"], thing["pos"]
        shapes.answer(thing, state=told, order_state=told, code=APPROVED[0], memo=APPROVED[1])
        program.record(thing, chain=None, also=named_webhook(body))
        return {"transaction": copy_of(thing)}


ENDPOINTS = (
    *(Endpoint("POST", f"{_PLACE}{kind}", _ask(kind), FIRST, 201) for kind in _ASKED),
    *(Endpoint("POST", f"{_PLACE}{kind}", _tell(kind, state), _FIRST, 201) for kind, state in _TOLD.items()),
    *(Endpoint("POST", f"{_PLACE}{kind}", _tell(kind, "COMPLETION"), _FIRST, 201) for kind in ENTRIES),
    *(Endpoint("POST", f"{_PLACE}{kind}.clearing", _clear(kind), _LATER, 201) for kind in _HOLDS),
    *(Endpoint("POST", f"{_PLACE}{kind}.reversal", _reverse(kind), _LATER, 201) for kind in _HOLDS),
    *(
        Endpoint("POST", f"{_PLACE}{kind}", _follow(kind, *follows), {**_LATER, **_STATED}, 201)
        for kind, follows in _FOLLOWS.items()
    ),
)
