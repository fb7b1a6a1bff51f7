"""Finding objects: by the id in the address, by the id in a parameter, or page by page."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Protocol, TypeVar

from tests.sandbox.ordered_store import Shelf
from tests.sandbox.state import State
from tests.sandbox.stripe.command import Command
from tests.sandbox.stripe.errors import ApiError
from tests.sandbox.stripe.render import render_page
from tests.sandbox.stripe.specs import Spec, moment, text, whole
from tests.sandbox.wire import Json


class Listed(Protocol):
    """What can stand in a list: an object, or an event that is sealed."""

    def __getitem__(self, name: str, /) -> Any: ...


Thing = TypeVar("Thing", bound=Listed)

# Parameters that every list has.
PAGING: Spec = {
    "limit": whole(least=1, most=100),
    "starting_after": text(),
    "ending_before": text(),
    "created": moment(),
}


def addressed(state: State, kind: str, thing_id: str) -> Json:
    """Find the object that the address names; raises a 404 ApiError."""
    return find(state.objects[kind], kind, thing_id, param="id", status=404)


def referenced(state: State, kind: str, thing_id: str, *, param: str) -> Json:
    """Find an object that a parameter names; raises a 400 ApiError."""
    return find(state.objects[kind], kind, thing_id, param=param, status=400)


def page(state: State, command: Command, kind: str, *, url: str, equal: tuple[str, ...] = ()) -> Json:
    """Show one page of a kind, newest first; `equal` names the fields that a parameter of the same name may pin."""
    owner = state.owner_field(kind)
    asked = command.params.get(owner) if owner in equal else None
    stored = state.objects[kind] if asked is None else state.owned.get((kind, asked), Shelf())
    return page_of(state, command, stored, kind, url=url, equal=equal, opened=lambda thing: thing)


def page_of(
    state: State,
    command: Command,
    stored: Shelf[Thing],
    kind: str,
    *,
    url: str,
    opened: Callable[[Thing], Json],
    equal: tuple[str, ...] = (),
    is_wanted: Callable[[Thing], bool] = lambda _thing: True,
) -> Json:
    """Show one page of `stored`, newest first; `opened` makes objects of them."""
    params = command.params
    wanted = {name: params[name] for name in equal if name in params}
    in_time = _time_filter(params.get("created"))

    def fits(thing: Thing) -> bool:
        pinned = all(thing[name] == value for name, value in wanted.items())
        return pinned and in_time(thing["created"]) and is_wanted(thing)

    things, has_more = _cut(stored, kind, params, fits)
    return render_page(state, list(map(opened, things)), url=url, has_more=has_more, expand=command.expand)


def find(stored: Mapping[str, Thing], kind: str, thing_id: str, *, param: str, status: int) -> Thing:
    """Find one of some things by id; raises ApiError."""
    thing = stored.get(thing_id)
    if thing is None:
        noun = kind.replace(".", " ")
        raise ApiError(f"No such {noun}: {thing_id!r}", status=status, code="resource_missing", param=param)
    return thing


def _cut(stored: Shelf[Thing], kind: str, params: Json, fits: Callable[[Thing], bool]) -> tuple[list[Thing], bool]:
    for param in ("ending_before", "starting_after"):
        if param in params:
            find(stored, kind, params[param], param=param, status=400)
    limit = params.get("limit", 10)
    if "ending_before" in params:
        found = list(islice(filter(fits, stored.oldest_first(after=params["ending_before"])), limit + 1))
        return found[:limit][::-1], len(found) > limit
    found = list(islice(filter(fits, stored.newest_first(before=params.get("starting_after"))), limit + 1))
    return found[:limit], len(found) > limit


def _time_filter(wanted: int | Json | None) -> Callable[[int], bool]:
    if wanted is None:
        return lambda _created: True
    if isinstance(wanted, int):
        return lambda created: created == wanted
    low = max(wanted.get("gte", 0), wanted.get("gt", -1) + 1)
    high = [limit for limit in (wanted.get("lte"), wanted["lt"] - 1 if "lt" in wanted else None) if limit is not None]
    return lambda created: created >= low and all(created <= limit for limit in high)
