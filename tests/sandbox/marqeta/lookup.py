"""Finding things: by the token in the address, by the token in a body, by the token of an earlier create, by page."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.state import State, fingerprint, new_token
from tests.sandbox.wire import Json

_MOST_ROWS = 100


def create_once(state: State, kind: str, body: Json, make: Callable[[str], Json]) -> tuple[Json, bool]:
    """Make and store a thing under the client's token, or find the one that this body made before; True when new.

    Raises a 409 ApiError when the token was used with another body. Call it under the state's lock.
    """
    token = body.get("token") or new_token()
    known = state.things[kind].get(token)
    if known is None:
        return state.add(kind, make(token), content=body), True
    if state.contents[kind, token] != fingerprint(body):
        raise ApiError(f"A {kind} with the token {token} exists with other content.", status=409)
    return known, False


def addressed(state: State, kind: str, token: str) -> Json:
    """Find the thing that the address names; raises a 404 ApiError."""
    return _find(state.things[kind], kind, token, status=404)


def referenced(state: State, kind: str, token: str) -> Json:
    """Find a thing that a body names; raises a 400 ApiError."""
    return _find(state.things[kind], kind, token, status=400)


def page(
    state: State, command: Command, kind: str, *, show: Callable[[Json], Json], sort_by: str = "-lastModifiedTime"
) -> Json:
    """Show one page of a kind; a token in the address, if any, names their owner."""
    owner = next(iter(command.place.items()), None)
    things = state.of_owner(kind, *owner) if owner else list(state.things[kind].values())
    return cut(sort_things(state, kind, things, command.query.get("sort_by", sort_by)), command.query, show=show)


def sort_things(state: State, kind: str, things: list[Json], sort_by: str) -> list[Json]:
    """Sort by a field of the model or by one of the two times; a minus in front turns it round."""
    name = sort_by.removeprefix("-")

    def key(thing: Json) -> Any:
        return state.touched[kind, thing["token"]] if name == "lastModifiedTime" else str(thing.get(name, ""))

    # Things are stored in the order of their creation, which whole seconds could not tell.
    ordered = things if name in ("createdTime", "id") else sorted(things, key=key)
    return ordered[::-1] if sort_by.startswith("-") else ordered


def cut(things: list[Json], query: Mapping[str, str], *, show: Callable[[Json], Json], count: int = 5) -> Json:
    """Cut a page out of a list; raises ApiError for a count or a start that is none."""
    count = _whole(query, "count", count, least=1)
    if count > _MOST_ROWS:
        raise ApiError(f"count is greater than {_MOST_ROWS}.", status=413)
    start = _whole(query, "start_index", 0, least=0)
    chosen = things[start : start + count]
    data = [_only(show(thing), query.get("fields")) for thing in chosen]
    return {
        "count": len(data),
        "start_index": start if data else 0,
        "end_index": start + len(data) - 1 if data else 0,
        "is_more": start + len(data) < len(things),
        "data": data,
    }


def _find(things: Mapping[str, Json], kind: str, token: str, *, status: int) -> Json:
    thing = things.get(token)
    if thing is None:
        raise ApiError(f"No {kind} has the token {token}.", status=status, detail=12)
    return thing


def _whole(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    given = query.get(name, str(default))
    if not (given.isascii() and given.isdecimal() and len(given) < 10) or int(given) < least:
        raise ApiError(f"{name} must be a whole number from {least}.", detail=7)
    return int(given)


def _only(thing: Json, fields: str | None) -> Json:
    names: Iterable[str] = fields.split(",") if fields else thing
    return {name: thing[name] for name in names if name in thing}
