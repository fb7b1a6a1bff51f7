"""Messages that nobody is asked about: clearings, reversals, advices, expiries, refunds, and the network's stand-in."""

from dataclasses import dataclass
from decimal import Decimal

from tests.sandbox.marqeta import shapes
from tests.sandbox.marqeta.authorizations import Presented, spending_of
from tests.sandbox.marqeta.batches import Target
from tests.sandbox.marqeta.conclusion import HOLD_TWIN, PAID_TWIN
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import ZERO, Chain
from tests.sandbox.marqeta.velocity import count
from tests.sandbox.marqeta.verdict import APPROVED
from tests.sandbox.wire import Json, copy_of

_RELEASE = "pgfs.authorization.reversal"
_RELEASE_TWIN = "gpa.credit.authorization.reversal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """A part of what was bought, or all; without `is_final` it is final when it takes all that is held."""

    amount: Decimal
    is_final: bool | None = None
    more: Json | None = None
    kind: str = "authorization.clearing"
    method: str = "pgfs.authorization.capture"


def clear(program: Program, chain: Chain, clearing: Clearing, *, also: Target | None = None) -> Json:
    """Take money for an authorization: less than held, more, in parts, or after it was reversed or had expired."""
    with program.state.lock:
        held, amount = chain.held, clearing.amount
        is_final = clearing.is_final if clearing.is_final is not None else amount >= held
        chain.clearings += 1
        more: Json = {**(clearing.more or {})}
        if is_final or clearing.is_final is not None:
            more["is_final_clearing"] = is_final
        if is_final and held > amount:
            more["amount_to_be_released"] = held - amount
        if not is_final or chain.clearings > 1:
            more.setdefault("multi_clearing_sequence_number", f"{chain.clearings:02d}")
        thing = shapes.transaction(_message(program, chain, clearing.kind, clearing.method, amount, more=more))
        _set_held(program, chain, ZERO if is_final else max(ZERO, held - amount), cleared=amount)
        return _post(program, thing, chain, state="COMPLETION", twin=PAID_TWIN, also=also)


def reverse(
    program: Program,
    chain: Chain,
    amount: Decimal,
    *,
    also: Target | None = None,
    kind: str = "authorization.reversal",
    method: str = _RELEASE,
) -> Json:
    """Give back a hold: all of it, or a part, which leaves the rest pending."""
    with program.state.lock:
        _check_held(chain, amount)
        is_full = amount == chain.held
        asked = amount if is_full else chain.origin["amount"]
        thing = shapes.transaction(_message(program, chain, kind, method, amount, asked=asked))
        _set_held(program, chain, chain.held - amount)
        return _release(program, thing, chain, also=also)


def advise(program: Program, chain: Chain, new_total: Decimal, *, also: Target | None = None) -> Json:
    """Lower a hold to a new total: the message carries the total, its order what is released."""
    with program.state.lock:
        released = chain.held - new_total
        if released < 0:
            raise ApiError(f"An advice cannot raise the {chain.held} that are held.", detail=18)
        thing = shapes.transaction(
            _message(program, chain, "authorization.advice", _RELEASE, new_total, funded=released)
        )
        _set_held(program, chain, new_total)
        return _release(program, thing, chain, also=also)


def expire(program: Program, chain: Chain, *, also: Target | None = None) -> Json:
    """Let a hold lapse; a clearing may still come."""
    with program.state.lock:
        _check_held(chain, chain.held)
        kind = "authorization.reversal.issuerexpiration"
        thing = shapes.transaction(_message(program, chain, kind, _RELEASE, chain.held))
        _set_held(program, chain, ZERO)
        return _release(program, thing, chain, also=also)


def force_post(program: Program, presented: Presented) -> Json:
    """Take money without an authorization, as an offline terminal does; it cannot be declined."""
    return _unannounced(program, presented, "authorization.clearing", "pgfs.force_capture", twin=PAID_TWIN)


def refund(program: Program, presented: Presented) -> Json:
    """Give money back; the message names no earlier one."""
    return _unannounced(program, presented, "refund", "pgfs.refund", twin="gpa.debit", unload=True)


def stand_in(program: Program, presented: Presented) -> Json:
    """Approve as the network does when it cannot reach the issuer: no check, no question."""
    with program.state.lock:
        thing = _transaction(program, presented, "authorization.standin", "pgfs.authorization.standin", unload=False)
        thing["standin_approved_by"] = "NETWORK"
        card = program.state.things["card"][presented.card_token]
        spending = spending_of(card, thing, None)
        chain = Chain(origin=thing, jit_token=shapes.order_of(thing)["jit_funding"]["token"], at=spending.at)
        count(program.state, spending, amount=ZERO, uses=1)
        _set_held(program, chain, presented.amount)
        return _post(program, thing, chain, state="PENDING", twin=HOLD_TWIN, also=presented.also)


def _unannounced(
    program: Program, presented: Presented, kind: str, method: str, *, twin: str, unload: bool = False
) -> Json:
    with program.state.lock:
        thing = _transaction(program, presented, kind, method, unload=unload)
        card = program.state.things["card"][presented.card_token]
        amount = -presented.amount if unload else presented.amount
        count(program.state, spending_of(card, thing, None), amount=amount, uses=0 if unload else 1)
        return _post(program, thing, None, state="COMPLETION", twin=twin, also=presented.also)


def _transaction(program: Program, presented: Presented, kind: str, method: str, *, unload: bool) -> Json:
    return shapes.transaction(
        shapes.Message(
            type=kind,
            method=method,
            card=program.state.things["card"][presented.card_token],
            amount=presented.amount,
            merchant=presented.merchant,
            pos=presented.pos,
            network=presented.network,
            unload=unload,
            more=presented.more,
        )
    )


def _message(
    program: Program,
    chain: Chain,
    kind: str,
    method: str,
    amount: Decimal,
    *,
    asked: Decimal | None = None,
    funded: Decimal | None = None,
    more: Json | None = None,
) -> shapes.Message:
    earlier = {"incremental_authorization_transaction_tokens": list(chain.increments)} if chain.increments else {}
    return shapes.Message(
        type=kind,
        method=method,
        card=program.state.things["card"][chain.origin["card_token"]],
        amount=amount,
        asked=asked,
        funded=funded,
        merchant=chain.origin["card_acceptor"],
        pos=chain.origin["pos"],
        network=chain.origin["network"],
        chain=chain,
        more={**earlier, **(more or {})},
    )


def _check_held(chain: Chain, amount: Decimal) -> None:
    if not 0 < amount <= chain.held:
        raise ApiError(f"The amount must be more than 0 and at most the {chain.held} that are held.", detail=18)


def _set_held(program: Program, chain: Chain, held: Decimal, *, cleared: Decimal = ZERO) -> None:
    card = program.state.things["card"][chain.origin["card_token"]]
    count(program.state, spending_of(card, chain.origin, chain), amount=held - chain.held + cleared)
    chain.held = held
    chain.cleared += cleared
    if held == 0:
        # Nothing in a transaction is ever rewritten but this.
        for token in chain.members:
            member = program.state.transactions[token]
            member["state"] = "CLEARED" if member["state"] == "PENDING" else member["state"]


def _release(program: Program, thing: Json, chain: Chain, *, also: Target | None) -> Json:
    is_over = chain.held == 0
    state, order_state = ("CLEARED", "REVERSED") if is_over else ("PENDING", "PENDING")
    return _post(program, thing, chain, state=state, order_state=order_state, twin=_RELEASE_TWIN, also=also)


def _post(
    program: Program,
    thing: Json,
    chain: Chain | None,
    *,
    state: str,
    twin: str,
    also: Target | None,
    order_state: str | None = None,
) -> Json:
    shapes.answer(thing, state=state, order_state=order_state or state, code=APPROVED[0], memo=APPROVED[1])
    program.record(thing, chain=chain, also=also)
    program.record(shapes.twin(thing, twin), chain=chain, also=also)
    return copy_of(thing)
