"""The first version of the simulations: `/simulate/…`."""

from tests.sandbox.marqeta.authorizations import authorize
from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.fields import Spec, amount, anything, flag, group, required, text, token
from tests.sandbox.marqeta.presenting import (
    ACCEPTOR,
    FIRST,
    WEBHOOK,
    chain_behind,
    named_webhook,
    origin_of,
    present,
    present_again,
)
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.settlement import Clearing, advise, clear, force_post, refund, reverse
from tests.sandbox.wire import Json

_LATER: Spec = {
    **WEBHOOK,
    "original_transaction_token": required(token()),
    "amount": required(amount()),
    **dict.fromkeys(("network_fees", "transaction_options", "vcn_data", "find_original_window_days"), anything()),
}
AUTHORIZATION: Spec = {**FIRST, "mid": required(text(least=1, most=50))}
ADVICE = _LATER
CLEARING: Spec = {
    **_LATER,
    "is_refund": flag(),
    "force_post": flag(),
    "mid": text(least=1, most=50),
    "card_acceptor": group(**ACCEPTOR),
    # Words of the sandbox: whether more may follow, and which part of how many this is.
    "is_final_clearing": flag(),
    "multi_clearing_sequence_number": text(most=2),
    "multi_clearing_sequence_count": text(most=2),
}
REVERSAL: Spec = {**_LATER, "is_advice": flag()}

_NUMBERING = ("multi_clearing_sequence_number", "multi_clearing_sequence_count")
# A rate is that of the day of the clearing.
_OF_ITS_OWN = ("currency_conversion", "acquirer_fee_amount")


def authorization(program: Program, command: Command) -> Json:
    """Present a card at a merchant."""
    return _answer(authorize(program, present(program, command.body)))


def financial(program: Program, command: Command) -> Json:
    """Take the money at once, as PIN debit does."""
    return _answer(authorize(program, present(program, command.body, kind="pindebit")))


def advice(program: Program, command: Command) -> Json:
    """Lower a hold to a new total."""
    body = command.body
    chain = chain_behind(program, body["original_transaction_token"])
    return _answer(advise(program, chain, body["amount"], also=named_webhook(body)))


def clearing(program: Program, command: Command) -> Json:
    """Clear an authorization, refund it, or post by force without naming it."""
    body = command.body
    token = body["original_transaction_token"]
    if body.get("is_refund"):
        return _answer(refund(program, present_again(body, origin_of(program, token))))
    if body.get("force_post"):
        return _answer(force_post(program, present_again(body, origin_of(program, token))))
    chain = chain_behind(program, token)
    return _answer(clear(program, chain, clearing_of(body), also=named_webhook(body)))


def reversal(program: Program, command: Command) -> Json:
    """Give back a hold, or a part of it."""
    body = command.body
    chain = chain_behind(program, body["original_transaction_token"])
    return _answer(reverse(program, chain, body["amount"], also=named_webhook(body)))


def clearing_of(body: Json) -> Clearing:
    """Read how much a clearing takes and what it says about those before and after it."""
    more = {name: body[name] for name in (*_NUMBERING, *_OF_ITS_OWN) if name in body}
    return Clearing(amount=body["amount"], is_final=body.get("is_final_clearing"), more=more)


def _answer(transaction: Json) -> Json:
    return {"transaction": transaction, "raw_iso8583": {}}
