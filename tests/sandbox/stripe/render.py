"""How a stored object is shown: references as ids or, where asked or always so, as whole objects."""

from tests.sandbox.state import State
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.shapes_funding import shown_balance_transaction
from tests.sandbox.wire import Json, copy_of

# The references that `expand` may follow: kind of object, field, kind it leads to.
_REFERENCES: dict[str, dict[str, str]] = {
    "payment_intent": {"latest_charge": "charge", "customer": "customer", "payment_method": "payment_method"},
    "charge": {
        "customer": "customer",
        "payment_intent": "payment_intent",
        "balance_transaction": "balance_transaction",
    },
    "refund": {"charge": "charge", "payment_intent": "payment_intent", "balance_transaction": "balance_transaction"},
    "balance_transaction": {"source": "charge or refund or dispute or topup or payout or balance_transfer"},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "payout": {"balance_transaction": "balance_transaction", "failure_balance_transaction": "balance_transaction"},
    "topup": {"balance_transaction": "balance_transaction"},
    "setup_intent": {"customer": "customer", "payment_method": "payment_method"},
    "checkout.session": {"customer": "customer", "setup_intent": "setup_intent"},
    "payment_method": {"customer": "customer"},
    "issuing.card": {"replacement_for": "issuing.card", "replaced_by": "issuing.card"},
    "issuing.authorization": {"cardholder": "issuing.cardholder"},
    "issuing.dispute": {"transaction": "issuing.transaction"},
    "issuing.transaction": {
        "authorization": "issuing.authorization",
        "card": "issuing.card",
        "cardholder": "issuing.cardholder",
    },
}


def render(state: State, thing: Json, *, expand: list[str] | None = None) -> Json:
    """Copy a stored object for the outside; raises ApiError for a path that cannot be expanded."""
    shown = _embed(state, thing)
    for path in expand or []:
        _expand(state, shown, path, path.split("."))
    return shown


def render_page(state: State, things: list[Json], *, url: str, has_more: bool, expand: list[str]) -> Json:
    """Show one page of a list; `data.` stands before what is expanded in it."""
    for path in expand:
        if not path.startswith("data."):
            raise not_expandable(path)
    inner = [path.removeprefix("data.") for path in expand]
    data = [render(state, thing, expand=inner) for thing in things]
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def not_expandable(path: str) -> ApiError:
    """Build the refusal of a path that leads nowhere."""
    return ApiError(f"This property cannot be expanded ({path}).", param="expand")


def _embed(state: State, thing: Json) -> Json:
    shown: Json = copy_of(thing)
    match thing["object"]:
        case "balance_transaction":
            shown = shown_balance_transaction(shown)
        case "issuing.card":
            shown["cardholder"] = _embed(state, state.objects["issuing.cardholder"][thing["cardholder"]])
        case "issuing.authorization":
            shown["card"] = _embed(state, state.objects["issuing.card"][thing["card"]])
            postings = state.objects["issuing.transaction"]
            shown["transactions"] = [copy_of(postings[posting_id]) for posting_id in thing["transactions"]]
    return shown


def _expand(state: State, shown: Json, path: str, steps: list[str]) -> None:
    step, *rest = steps
    kind = _REFERENCES.get(shown["object"], {}).get(step)
    if kind is None:
        raise not_expandable(path)
    if isinstance(shown[step], str):
        shown[step] = _followed(state, kind, shown[step])
    if rest and isinstance(shown[step], dict):
        _expand(state, shown[step], path, rest)


def _followed(state: State, kind: str, thing_id: str) -> Json | str:
    """What an id leads to, or the id where the sandbox keeps no such thing."""
    found = [state.objects[each][thing_id] for each in kind.split(" or ") if thing_id in state.objects[each]]
    return _embed(state, found[0]) if found else thing_id
