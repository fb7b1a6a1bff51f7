"""Events read back: one by its id, or page by page; also those that never arrived anywhere."""

from fnmatch import fnmatchcase

from tests.sandbox.compact_events import SealedEvent
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.lookup import PAGING, find, page_of
from tests.sandbox.stripe.specs import Spec, rows, text
from tests.sandbox.wire import Json

_MOST_TYPES = 20
RETRIEVE: Spec = {}
LIST: Spec = {**PAGING, "type": text(), "types": rows(text())}


def retrieve(sandbox: Sandbox, command: Command) -> Json:
    """Show an event as it was sent."""
    with sandbox.outgoing.events() as events:
        return find(events, "event", command.id, param="id", status=404).open()


def list_(sandbox: Sandbox, command: Command) -> Json:
    """Show events, newest first, by exact `types` or by one `type` that may hold a wildcard."""
    patterns = _patterns(command.params)
    with sandbox.state.lock, sandbox.outgoing.events() as events:
        return page_of(
            sandbox.state,
            command,
            events,
            "event",
            url="/v1/events",
            is_wanted=lambda event: any(fnmatchcase(event.type, pattern) for pattern in patterns),
            opened=SealedEvent.open,
        )


def _patterns(params: Json) -> list[str]:
    types = params.get("types") or []
    if "type" in params and types:
        raise ApiError("Give either type or types, not both.", param="types")
    if len(types) > _MOST_TYPES or any("*" in each for each in types):
        raise ApiError(f"types takes up to {_MOST_TYPES} exact names.", param="types")
    return types or [params.get("type", "*")]
