"""What purchases, top-ups and payouts move, as balance transactions; the Issuing balance moves with its own."""

from tests.sandbox.state import State
from tests.sandbox.stripe import shapes_funding
from tests.sandbox.wire import Json


def enter_hold(state: State, authorization: Json, entry: Json) -> None:
    """Enter a hold or its release, which the authorization lists as well."""
    _enter(state, amount=entry["amount"], kind=entry["type"], source=authorization, name=entry["id"])


def enter_posting(state: State, transaction: Json) -> None:
    """Enter a capture or a refund."""
    amount, name = transaction["amount"], transaction["balance_transaction"]
    _enter(state, amount=amount, kind="issuing_transaction", source=transaction, name=name)
    state.issuing_balance += amount


def enter_dispute(state: State, dispute: Json, moved: Json) -> None:
    """Enter what a dispute gave or took back."""
    _enter(state, amount=moved["amount"], kind=moved["type"], source=dispute, name=moved["id"])
    state.issuing_balance += moved["amount"]


def enter(state: State, *, amount: int, kind: str, category: str, source: Json, balance: str) -> Json:
    """Enter what a top-up, payout or transfer moved on one balance; call it under the state's lock."""
    if balance == "issuing":
        state.issuing_balance += amount
    return state.add(
        shapes_funding.balance_transaction(
            amount=amount,
            currency=source["currency"],
            kind=kind,
            category=category,
            source=source["id"],
            balance=balance,
        )
    )


def enter_top_up(state: State, topup: Json) -> None:
    """Enter that a top-up arrived."""
    topup.update(status="succeeded")
    topup["balance_transaction"] = _of_top_up(state, topup, topup["amount"], "topup")["id"]


def enter_top_up_reversal(state: State, topup: Json) -> None:
    """Enter that the bank took a top-up back."""
    topup.update(status="reversed")
    _of_top_up(state, topup, -topup["amount"], "topup_reversal")


def _of_top_up(state: State, topup: Json, amount: int, kind: str) -> Json:
    balance = "issuing" if topup["destination_balance"] == "issuing" else "payments"
    return enter(state, amount=amount, kind=kind, category=kind, source=topup, balance=balance)


def _enter(state: State, *, amount: int, kind: str, source: Json, name: str) -> None:
    category = "issuing_dispute" if kind.startswith("issuing_dispute") else kind
    state.add(
        shapes_funding.balance_transaction(
            amount=amount,
            currency=source["currency"],
            kind=kind,
            category=category,
            source=source["id"],
            balance="issuing",
            name=name,
        )
    )
