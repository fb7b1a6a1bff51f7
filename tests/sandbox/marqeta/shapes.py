"""How a transaction looks: one network message, its order for money, and the twin that keeps the books."""

import random
from dataclasses import dataclass, field
from decimal import Decimal

from tests.sandbox.marqeta.state import ZERO, Chain, new_token, timestamp
from tests.sandbox.wire import Json, copy_of

CURRENCY = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the network says, before anybody answered.

    `funded` is what the order moves, which differs from `amount` for an advice; `asked` is the request amount.
    """

    type: str
    method: str
    card: Json
    amount: Decimal
    merchant: Json
    pos: Json
    network: str
    funded: Decimal | None = None
    asked: Decimal | None = None
    chain: Chain | None = None
    precedes: bool = True
    unload: bool = False
    more: Json = field(default_factory=dict)


def transaction(message: Message) -> Json:
    """Build a pending transaction: no response, no approval code, no gateway log."""
    now, token, user = timestamp(), new_token(), message.card["user_token"]
    chain = message.chain if message.precedes else None
    return {
        "type": message.type,
        "state": "PENDING",
        "token": token,
        "user_token": user,
        "acting_user_token": user,
        "card_token": message.card["token"],
        "card_product_token": message.card["card_product_token"],
        **({"preceding_related_transaction_token": chain.origin["token"]} if chain else {}),
        "gpa": _balances(message),
        "gpa_order_unload" if message.unload else "gpa_order": _order(message, token),
        "created_time": now,
        "user_transaction_time": now,
        "issuer_received_time": now,
        "amount": message.amount,
        "request_amount": message.amount if message.asked is None else message.asked,
        "currency_code": CURRENCY,
        "network": message.network,
        "subnetwork": f"{message.network}NET" if message.network == "VISA" else message.network,
        "network_reference_id": chain.origin["network_reference_id"] if chain else _digits(15),
        "acquirer": _acquirer(),
        "card_acceptor": copy_of(message.merchant),
        "pos": copy_of(message.pos),
        "currency_conversion": {"network": _conversion(message.amount)},
        "transaction_metadata": {"payment_channel": "OTHER", "transaction_category": "RETAIL_SALE"},
        **copy_of(message.more),
    }


def order_of(thing: Json) -> Json:
    """Find the order of a transaction, whichever way its money goes."""
    order: Json = thing["gpa_order"] if "gpa_order" in thing else thing["gpa_order_unload"]
    return order


def answer(thing: Json, *, state: str, order_state: str, code: str, memo: str) -> None:
    """Write down how a message was answered."""
    thing.update(state=state, response={"code": code, "memo": memo}, duration=random.randint(20, 90))
    if state != "DECLINED":
        thing["approval_code"] = _digits(6)
    if "gpa_order" in thing or "gpa_order_unload" in thing:
        order_of(thing).update(state=order_state, response={"code": code, "memo": memo})


def twin(thing: Json, kind: str) -> Json:
    """Build the entry of the general purpose account beside a merchant message, with the same `jit_funding`."""
    by_commando = str(thing.get("standin_approved_by", "")).startswith("COMMANDO")
    left_out = ("card_acceptor", "pos", "preceding_related_transaction_token", "acquirer", "network_reference_id")
    shared = {name: copy_of(value) for name, value in thing.items() if name not in left_out}
    jit = order_of(thing)["jit_funding"]
    return {
        **shared,
        "type": kind,
        "token": new_token(),
        "amount": jit["amount"],
        "request_amount": jit["amount"],
        "network": "MARQETA",
        "subnetwork": "MANAGED_JIT" if by_commando else "GATEWAY_JIT",
    }


def _order(message: Message, transaction_token: str) -> Json:
    now, user = timestamp(), message.card["user_token"]
    amount = message.amount if message.funded is None else message.funded
    source = {"type": "programgateway", "token": "****", "active": True, "is_default_account": False}
    return {
        "token": new_token(),
        "amount": amount,
        "created_time": now,
        "last_modified_time": now,
        "currency_code": CURRENCY,
        "transaction_token": transaction_token,
        "state": "PENDING",
        "funding": {"amount": amount, "source": source},
        "funding_source_token": "****",
        "jit_funding": {
            "token": new_token(),
            "method": message.method,
            "user_token": user,
            "acting_user_token": user,
            "amount": amount,
            **_earlier_jit_tokens(message),
        },
        "user_token": user,
    }


def _earlier_jit_tokens(message: Message) -> Json:
    if message.chain is None or not message.precedes:
        return {}
    tokens: Json = {"original_jit_funding_token": message.chain.jit_token}
    if message.chain.increment_jit_tokens:
        tokens["incremental_authorization_jit_funding_tokens"] = list(message.chain.increment_jit_tokens)
    return tokens


def _balances(message: Message) -> Json:
    amount = message.amount if message.funded is None else message.funded
    gives_back = message.unload or "reversal" in message.method
    held = message.chain.held if message.chain else ZERO
    balances = {
        "currency_code": CURRENCY,
        "ledger_balance": held,
        "available_balance": ZERO,
        "credit_balance": ZERO,
        "pending_credits": ZERO,
        "impacted_amount": amount if gives_back else -amount,
    }
    return {**balances, "balances": {CURRENCY: dict(balances)}, "last_updated_time": timestamp()}


def _acquirer() -> Json:
    return {
        "institution_country": "840",
        "institution_id_code": "428399181",
        "retrieval_reference_number": _digits(12),
        "system_trace_audit_number": _digits(6),
    }


def _conversion(amount: Decimal) -> Json:
    return {"original_amount": amount, "conversion_rate": Decimal("1.0"), "original_currency_code": "840"}


def _digits(count: int) -> str:
    return "".join(random.choices("0123456789", k=count))
