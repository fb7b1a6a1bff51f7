"""Velocity controls over the API; `velocity.py` enforces them."""

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.fields import amount, anything, flag, group, required, text, token, whole, words
from tests.sandbox.marqeta.lookup import addressed, create_once, cut, referenced, sort_things
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import State
from tests.sandbox.marqeta.velocity import begin_counting, left_of
from tests.sandbox.wire import Json, copy_of

UPDATE = {
    "token": token(),
    "name": text(),
    "amount_limit": amount(),
    "usage_limit": whole(least=-1),
    "currency_code": words("USD"),
    "velocity_window": words("DAY", "WEEK", "MONTH", "LIFETIME", "TRANSACTION"),
    "association": group(user_token=token(), card_product_token=token()),
    "merchant_scope": group(mcc=text(least=4, most=4), mid=text(least=1, most=36)),
    **dict.fromkeys(("include_purchases", "include_withdrawals", "include_cashback", "include_credits"), flag()),
    **dict.fromkeys(("include_transfers", "approvals_only", "active"), flag()),
    "money_in_transaction": anything(),
}
_NEEDED = ("amount_limit", "currency_code", "velocity_window")
CREATE = {**UPDATE, **{name: required(UPDATE[name]) for name in _NEEDED}}

_DEFAULTS = {"usage_limit": -1, "active": True, "approvals_only": True, "include_purchases": True}
_OFF_BY_DEFAULT = ("include_withdrawals", "include_cashback", "include_credits", "include_transfers")
_MOST_AT_PROGRAM_LEVEL = 90


def create(program: Program, command: Command) -> Json:
    """Limit what a user, or everybody with a card product, may spend in a window."""
    state = program.state
    with state.lock:
        control, is_new = create_once(
            state, "velocitycontrol", command.body, lambda token: _new(state, token, command.body)
        )
        if is_new:
            begin_counting(state, control)
        return copy_of(control)


def update(program: Program, command: Command) -> Json:
    """Change what is given; what was counted so far still counts."""
    state = program.state
    with state.lock:
        control = addressed(state, "velocitycontrol", command.token)
        changed = {**control, **copy_of(command.body), "token": command.token}
        _check(state, changed)
        control.update(changed)
        state.index("velocitycontrol", control)
        state.touch("velocitycontrol", control)
        return copy_of(control)


def retrieve(program: Program, command: Command) -> Json:
    """Show a control."""
    with program.state.lock:
        return copy_of(addressed(program.state, "velocitycontrol", command.token))


def list_(program: Program, command: Command) -> Json:
    """Show one page of the controls, or of those of one `user` or one `card_product`."""
    state, query = program.state, command.query
    with state.lock:
        if query.get("user"):
            controls = state.of_owner("velocitycontrol", "user_token", query["user"])
        elif query.get("card_product"):
            controls = state.of_owner("velocitycontrol", "card_product_token", query["card_product"])
        else:
            controls = list(state.things["velocitycontrol"].values())
        ordered = sort_things(state, "velocitycontrol", controls, query.get("sort_by", "-lastModifiedTime"))
        return cut(ordered, query, show=copy_of)


def list_available(program: Program, command: Command) -> Json:
    """Show one page of a user's own controls with what each of them leaves."""
    state = program.state
    with state.lock:
        addressed(state, "user", command.place["user_token"])

        def show(control: Json) -> Json:
            return {**copy_of(control), "available": left_of(state, control)}

        controls = state.of_owner("velocitycontrol", "user_token", command.place["user_token"])
        active = [control for control in controls if control["active"]]
        return cut(active, command.query, show=show)


def _new(state: State, token: str, body: Json) -> Json:
    control = {**dict.fromkeys(_OFF_BY_DEFAULT, False), **_DEFAULTS, **body, "token": token}
    if control["velocity_window"] == "TRANSACTION" and "usage_limit" in body:
        raise ApiError("usage_limit must be omitted for the window TRANSACTION.", detail=14)
    _check(state, control)
    return control


def _check(state: State, control: Json) -> None:
    association = control.get("association") or {}
    if not association:
        raise ApiError("Controls for the whole program need the rights of a program manager.", status=403)
    if len(association) > 1:
        raise ApiError("association names a user or a card product, not both.", detail=14)
    if "user_token" in association:
        referenced(state, "user", association["user_token"])
        return
    referenced(state, "cardproduct", association["card_product_token"])
    others = [
        other
        for other in state.things["velocitycontrol"].values()
        if "card_product_token" in other["association"] and other["token"] != control["token"]
    ]
    if len(others) >= _MOST_AT_PROGRAM_LEVEL:
        raise ApiError(f"A program has at most {_MOST_AT_PROGRAM_LEVEL} controls.", detail=14)
