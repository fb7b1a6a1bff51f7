"""What an authorization holds and has taken: the one place where the Issuing balance and the spending sums move."""

from tests.sandbox.state import State
from tests.sandbox.stripe import entries, shapes_issuing
from tests.sandbox.stripe.controls import count_spending
from tests.sandbox.wire import Json


def set_hold(state: State, authorization: Json, *, held: int) -> None:
    """Hold this much for the authorization from now on, in its currency's smallest unit."""
    exposure = state.exposures[authorization["id"]]
    delta = held - exposure.held
    if delta == 0:
        return
    exposure.held = held
    state.held_total += delta
    count_spending(state, authorization, delta)
    entry = shapes_issuing.hold_entry(amount=-delta, currency=authorization["currency"])
    authorization["balance_transactions"].append(entry)
    entries.enter_hold(state, authorization, entry)


def take_captured(state: State, authorization: Json, transaction: Json, *, amount: int) -> None:
    """Book a capture of the authorization; what is held changes apart from it."""
    state.exposures[authorization["id"]].captured += amount
    entries.enter_posting(state, transaction)
    count_spending(state, authorization, amount)


def move_balance(state: State, transaction: Json) -> None:
    """Book a posting that belongs to no authorization, or a refund."""
    entries.enter_posting(state, transaction)
    if transaction["type"] == "capture":
        count_spending(state, transaction, -transaction["amount"])
