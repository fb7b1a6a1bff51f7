"""What became of a message that wanted an answer: the verdict, written down and reported."""

from dataclasses import dataclass
from decimal import Decimal

from tests.sandbox.journal import Delivery
from tests.sandbox.marqeta import shapes
from tests.sandbox.marqeta.batches import Target
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import ZERO, Chain
from tests.sandbox.marqeta.velocity import Spending, count
from tests.sandbox.marqeta.verdict import Verdict, in_part, read_verdict
from tests.sandbox.wire import Json, copy_of

HOLD_TWIN = "gpa.credit.authorization"
PAID_TWIN = "gpa.credit"
# What takes the money at once when it is approved.
TAKES_AT_ONCE = ("pindebit", "account.funding.auth_plus_capture")


@dataclass(frozen=True, slots=True)
class Asked:
    """A message whose answer is waited for; `amount` and `uses` were counted in advance, `granted` is the network's."""

    thing: Json
    spending: Spending
    amount: Decimal
    uses: int
    chain: Chain | None
    also: Target | None
    granted: Decimal | None


def conclude(program: Program, asked: Asked, verdict: Verdict) -> Json:
    """Write the verdict down, report it, and answer with the transaction."""
    state, thing, spending, chain = program.state, asked.thing, asked.spending, asked.chain
    verdict = in_part(verdict, asked.granted, of=asked.amount)
    with state.lock:
        state.asked.pop(thing["token"], None)
        _write_down(thing, verdict)
        held = thing["amount"] if verdict.approved else ZERO
        count(state, spending, amount=held - asked.amount, uses=0 if verdict.approved else -asked.uses)
        if not verdict.approved:
            count(state, spending, amount=asked.amount, uses=asked.uses, approved=False)
        chain = _follow_up(thing, chain, spending) if verdict.approved else chain
        program.record(thing, chain=chain, also=asked.also)
        is_hold = thing["state"] == "PENDING" or not verdict.approved
        program.record(shapes.twin(thing, HOLD_TWIN if is_hold else PAID_TWIN), chain=chain, also=asked.also)
        return copy_of(thing)


def conclude_after_restart(program: Program, asked: Asked, answer: Delivery) -> None:
    """Judge what is known of the answer by a program that ended meanwhile, and write that down."""
    limit_s = program.settings.gateway_timeout_ms / 1000
    if asked.chain:
        asked.chain.busy = False
    conclude(program, asked, read_verdict(answer, asked.thing, limit_s=limit_s, partly=False, conduct=program.conduct))


def _write_down(thing: Json, verdict: Verdict) -> None:
    order = thing["gpa_order"]
    if verdict.log:
        order["funding"]["gateway_log"] = verdict.log
    if verdict.standin:
        thing["standin_approved_by"] = verdict.standin
        order["funding"]["source"]["type"] = "program"
    if verdict.amount is not None:
        thing["amount"] = order["amount"] = order["funding"]["amount"] = verdict.amount
        order["jit_funding"]["amount"] = verdict.amount
    final = thing["type"] in TAKES_AT_ONCE
    approved_state = "COMPLETION" if final else "PENDING"
    outcome = approved_state if verdict.approved else "DECLINED"
    shapes.answer(thing, state=outcome, order_state=outcome, code=verdict.code, memo=verdict.memo)


def _follow_up(thing: Json, chain: Chain | None, spending: Spending) -> Chain:
    jit_token = thing["gpa_order"]["jit_funding"]["token"]
    if chain is None:
        chain = Chain(origin=thing, jit_token=jit_token, at=spending.at)
    else:
        chain.increments.append(thing["token"])
        chain.increment_jit_tokens.append(jit_token)
    if thing["state"] == "COMPLETION":
        chain.cleared += thing["amount"]
    else:
        chain.held += thing["amount"]
    return chain
