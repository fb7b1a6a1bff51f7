"""One misbehaviour somebody ordered, and how an order is read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from tests.sandbox.wire import Json, new_id

# Before: the request never reaches the API. During: the API does something else. After: only the answer goes wrong.
BEFORE = ("rate_limit", "unauthorized", "html_error", "drop_request")
DURING = ("delay", "error_500", "refuse", "decline", "requires_action", "processing")
AFTER = ("drop_answer", "hold_answer", "malformed_json")
REQUEST_DEEDS = (*BEFORE, *DURING, *AFTER)
WEBHOOK_DEEDS = ("duplicate", "concurrent", "out_of_order", "drop", "delay", "alter", "ask_again")
CHARGE_DEEDS = ("decline", "requires_action", "processing")

# Nobody waits longer for a scenario; it also keeps out what is no number of seconds at all.
_LONGEST_S = 86_400

# Asked and answered at once: no pattern meets them, only their own name. The second is Marqeta's gateway call.
DECISION_EVENTS = ("issuing_authorization.request", "gateway.request")


class ScenarioError(ValueError):
    """The order cannot be carried out; the message says what is allowed."""


@dataclass(slots=True, kw_only=True)
class Scenario:
    """What to do, to which requests or webhooks, and how many times more (None: until it is deleted)."""

    id: str
    do: str
    times: int | None = 1
    method: str = "POST"
    path: str | None = None
    webhook: str | None = None
    payment_method: str | None = None
    decline_code: str = "generic_decline"
    delay_s: float = 1.0
    retry_after_s: float | None = None
    error_status: int = 400
    error_type: str = "invalid_request_error"
    error_code: str | None = None
    error_param: str | None = None
    error_message: str = "This account cannot currently make live charges."
    copies: int = 20
    # What `alter` changes in the body that is sent, such as its id, its mode or its card.
    changes: Json = field(default_factory=dict)

    @classmethod
    def read(cls, order: Mapping[str, Any]) -> Self:
        """Read an order as it came in JSON; raises ScenarioError."""
        _check_names(order, {field.name for field in fields(cls)} - {"id"})
        _check_deed(order)
        _check_values(order)
        _check_refusal(order)
        return cls(id=new_id("scn"), **order)

    def to_json(self) -> Json:
        """Show the order as it stands now."""
        return asdict(self)


def _check_names(order: Mapping[str, Any], allowed: set[str]) -> None:
    unknown = sorted(set(order) - allowed)
    if unknown:
        raise ScenarioError(f"Unknown words {_listed(unknown)}: a scenario knows {_listed(sorted(allowed))}.")
    if ("path" in order) == ("webhook" in order):
        raise ScenarioError('A scenario needs either "path" (a request) or "webhook" (an event type or "*"), not both.')


def _check_deed(order: Mapping[str, Any]) -> None:
    allowed = REQUEST_DEEDS if "path" in order else WEBHOOK_DEEDS
    if order.get("do") not in allowed:
        kind = "a request" if "path" in order else "a webhook"
        raise ScenarioError(f'"do" is {order.get("do")!r}: for {kind} it may be {_listed(allowed)}.')
    if order["do"] in CHARGE_DEEDS and not str(order.get("path", "")).startswith("/v1/payment_intents"):
        raise ScenarioError(f"{_listed(CHARGE_DEEDS)} are for paths under /v1/payment_intents.")
    if order["do"] == "ask_again" and order.get("webhook") not in DECISION_EVENTS:
        raise ScenarioError(f"Only {_listed(DECISION_EVENTS)} can be asked again under another id.")
    if order["do"] == "out_of_order" and order.get("webhook") in DECISION_EVENTS:
        raise ScenarioError(f"{order['webhook']} is asked and answered at once: it cannot be sent out of order.")


def _check_values(order: Mapping[str, Any]) -> None:
    for name in ("method", "path", "webhook", "payment_method", "decline_code"):
        if name in order and (not isinstance(order[name], str) or not order[name]):
            raise ScenarioError(f'"{name}" must be a text that is not empty.')
    for name in ("delay_s", "retry_after_s"):
        if name in order and not _is_number(order[name], least=0):
            raise ScenarioError(f'"{name}" must be a number of seconds from 0 to {_LONGEST_S}.')
    changes = order.get("changes", {})
    if not isinstance(changes, Mapping) or bool(changes) != (order["do"] == "alter"):
        raise ScenarioError('"changes" is an object that says what "alter" changes, and belongs to nothing else.')
    if order.get("times", 1) is not None and not _is_whole(order.get("times", 1)):
        raise ScenarioError('"times" must be a whole number from 1, or null for "until deleted".')
    if not _is_whole(order.get("copies", 20)) or order.get("copies", 20) > 200:
        raise ScenarioError('"copies" must be a whole number from 1 to 200.')


def _check_refusal(order: Mapping[str, Any]) -> None:
    for name in ("error_type", "error_code", "error_param", "error_message"):
        if name in order and not isinstance(order[name], str):
            raise ScenarioError(f'"{name}" must be a text.')
    if order.get("error_status", 400) not in (400, 401, 402, 403, 404, 409, 429):
        raise ScenarioError('"error_status" must be 400, 401, 402, 403, 404, 409 or 429.')


def _is_number(value: object, *, least: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= _LONGEST_S


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _listed(words: tuple[str, ...] | list[str]) -> str:
    return ", ".join(words)
