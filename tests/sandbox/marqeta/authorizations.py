"""Messages that want an answer: own checks, then the gateway, then the record of both."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.sandbox.marqeta import shapes
from tests.sandbox.marqeta.batches import Target
from tests.sandbox.marqeta.conclusion import Asked, conclude
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.gateway import limit_of
from tests.sandbox.marqeta.own_checks import own_refusal
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import ZERO, Chain, State, utc_now
from tests.sandbox.marqeta.velocity import Spending, count
from tests.sandbox.marqeta.verdict import APPROVED, Verdict, read_verdict
from tests.sandbox.wire import Json, copy_of

# Message type -> what the gateway is asked; see conclusion.TAKES_AT_ONCE for what leaves no hold.
METHODS = {
    "authorization": "pgfs.authorization",
    "authorization.cashback": "pgfs.authorization.cashback",
    "authorization.atm.withdrawal": "pgfs.atm.withdrawal",
    "authorization.quasi.cash": "pgfs.authorization.quasi.cash",
    "authorization.incremental": "pgfs.authorization.incremental",
    "pindebit": "pgfs.pindebit",
    "pindebit.authorization": "pgfs.pindebit.authorization",
    # The method does not say that the card pays into an account, the type does.
    "account.funding.authorization": "pgfs.authorization",
    "account.funding.auth_plus_capture": "pgfs.auth_plus_capture",
}
_VERIFICATION = "pgfs.authorization.account_verification"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A card at a merchant; `options` is what was typed in of the card, `also` a webhook that the caller named."""

    card_token: str
    amount: Decimal
    merchant: Json
    pos: Json
    network: str = "VISA"
    kind: str = "authorization"
    options: Json = field(default_factory=dict)
    more: Json = field(default_factory=dict)
    also: Target | None = None
    # What the network approves of it, whatever the gateway did; None for all.
    granted: Decimal | None = None


def authorize(program: Program, presented: Presented) -> Json:
    """Ask for money at a merchant and answer with the transaction, whatever became of it."""
    with program.state.lock:
        card = program.state.things["card"][presented.card_token]
        method = METHODS[presented.kind] if presented.amount else _VERIFICATION
        message = shapes.Message(
            type=presented.kind,
            method=method,
            card=card,
            amount=presented.amount,
            merchant=presented.merchant,
            pos=presented.pos,
            network=presented.network,
            more=presented.more,
        )
    return _decide(
        program, message, chain=None, options=presented.options, also=presented.also, granted=presented.granted
    )


def increment(program: Program, chain: Chain, amount: Decimal, *, also: Target | None = None) -> Json:
    """Ask for more on a hold: only the extra stands in the request."""
    with program.state.lock:
        if chain.held <= 0 or chain.busy:
            raise ApiError("This authorization holds nothing that could grow.", detail=18)
        chain.busy = True
        origin = chain.origin
        earlier = {"incremental_authorization_transaction_tokens": list(chain.increments)} if chain.increments else {}
        message = shapes.Message(
            type="authorization.incremental",
            method=METHODS["authorization.incremental"],
            card=program.state.things["card"][origin["card_token"]],
            amount=amount,
            merchant=origin["card_acceptor"],
            pos=origin["pos"],
            network=origin["network"],
            chain=chain,
            more=earlier,
        )
    try:
        return _decide(program, message, chain=chain, options={}, also=also)
    finally:
        chain.busy = False


def spending_of(card: Json, thing: Json, chain: Chain | None) -> Spending:
    """Tell what controls count: a whole chain belongs to the window of its first message."""
    merchant = thing["card_acceptor"]
    kind = chain.origin["type"] if chain else thing["type"]
    return Spending(card=card, kind=kind, mcc=merchant["mcc"], mid=merchant["mid"], at=chain.at if chain else utc_now())


def _decide(
    program: Program,
    message: shapes.Message,
    *,
    chain: Chain | None,
    options: Json,
    also: Target | None,
    granted: Decimal | None = None,
) -> Json:
    state = program.state
    thing = shapes.transaction(message)
    spending = spending_of(message.card, thing, chain)
    uses = 0 if chain else 1
    with state.lock:
        refusal = own_refusal(
            state,
            spending,
            extra=message.amount,
            total=message.amount + (chain.held + chain.cleared if chain else ZERO),
            uses=uses,
            country=message.merchant["country_code"],
            presented=options,
        )
        if refusal:
            return _decline_unasked(program, thing, refusal.code, refusal.memo, about=refusal.about, also=also)
        # Counted before the question, so that two purchases at once cannot both use what only one of them may have.
        count(state, spending, amount=message.amount, uses=uses)
        asked = state.asked[thing["token"]] = Asked(thing, spending, message.amount, uses, chain, also, granted)
    return conclude(program, asked, _ask(program, message, thing))


def _decline_unasked(
    program: Program, thing: Json, code: str, memo: str, *, about: str | None, also: Target | None
) -> Json:
    chain = program.state.chain_of.get(thing.get("preceding_related_transaction_token", ""))
    # Nobody was asked for money: there is no order.
    del thing["gpa_order"]
    shapes.answer(thing, state="DECLINED", order_state="DECLINED", code=code, memo=memo)
    if about:
        thing["response"]["additional_information"] = about
    program.record(thing, chain=chain, also=also)
    return copy_of(thing)


def _ask(program: Program, message: shapes.Message, thing: Json) -> Verdict:
    conduct = program.conduct
    if conduct.commando == "manual":
        return Verdict(approved=True, code=APPROVED[0], memo=APPROVED[1], standin="COMMANDO_MANUAL")
    with program.state.lock:
        product = program.state.things["cardproduct"][message.card["card_product_token"]]
        source = _source_of(program.state, product)
        partly = product["config"]["transaction_controls"]["enable_partial_auth_approval"]
    if source is None:
        return Verdict(approved=False, code="1016", memo="Not sufficient funds")
    partly = bool(partly and message.pos["partial_approval_capable"])
    answer = program.gateway.ask(source, thing)
    return read_verdict(answer, thing, limit_s=limit_of(source), partly=partly, conduct=conduct)


def _source_of(state: State, product: Json) -> Json | None:
    gateway = product["config"]["jit_funding"]["programgateway_funding_source"]
    source = state.things["gatewaysource"].get(gateway.get("funding_source_token", ""))
    return copy_of(source) if gateway["enabled"] and source and source["active"] and source["url"] else None
