"""Finding objects: by the id in the address, by the id in a parameter, or page by page."""

from collections.abc import Callable, Iterable
from itertools import islice

from onecard.sandbox.like_stripe.command import Command
from onecard.sandbox.like_stripe.errors import ApiError
from onecard.sandbox.like_stripe.render import render_page
from onecard.sandbox.like_stripe.specs import Spec, moment, text, whole
from onecard.sandbox.state import State
from onecard.sandbox.wire import Json

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
    return page_of(state, command, state.objects[kind], kind, url=url, equal=equal)


def page_of(
    state: State,
    command: Command,
    stored: dict[str, Json],
    kind: str,
    *,
    url: str,
    equal: tuple[str, ...] = (),
    is_wanted: Callable[[Json], bool] = lambda _thing: True,
) -> Json:
    """Show one page of `stored`, which holds things by their ids, oldest first."""
    params = command.params
    wanted = {name: params[name] for name in equal if name in params}
    in_time = _time_filter(params.get("created"))

    def fits(thing: Json) -> bool:
        pinned = all(thing[name] == value for name, value in wanted.items())
        return pinned and in_time(thing["created"]) and is_wanted(thing)

    things, has_more = _cut(stored, kind, params, fits)
    return render_page(state, things, url=url, has_more=has_more, expand=command.expand)


def find(stored: dict[str, Json], kind: str, thing_id: str, *, param: str, status: int) -> Json:
    """Find one of some things by id; raises ApiError."""
    thing = stored.get(thing_id)
    if thing is None:
        noun = kind.replace(".", " ")
        raise ApiError(f"No such {noun}: {thing_id!r}", status=status, code="resource_missing", param=param)
    return thing


def _cut(stored: dict[str, Json], kind: str, params: Json, fits: Callable[[Json], bool]) -> tuple[list[Json], bool]:
    limit = params.get("limit", 10)
    if "ending_before" in params:
        newer = _after(stored.values(), find(stored, kind, params["ending_before"], param="ending_before", status=400))
        found = list(islice(filter(fits, newer), limit + 1))
        return found[:limit][::-1], len(found) > limit
    older: Iterable[Json] = reversed(stored.values())
    if "starting_after" in params:
        older = _after(older, find(stored, kind, params["starting_after"], param="starting_after", status=400))
    found = list(islice(filter(fits, older), limit + 1))
    return found[:limit], len(found) > limit


def _after(things: Iterable[Json], mark: Json) -> Iterable[Json]:
    iterator = iter(things)
    for thing in iterator:
        if thing is mark:
            break
    return iterator


def _time_filter(wanted: int | Json | None) -> Callable[[int], bool]:
    if wanted is None:
        return lambda _created: True
    if isinstance(wanted, int):
        return lambda created: created == wanted
    low = max(wanted.get("gte", 0), wanted.get("gt", -1) + 1)
    high = [limit for limit in (wanted.get("lte"), wanted["lt"] - 1 if "lt" in wanted else None) if limit is not None]
    return lambda created: created >= low and all(created <= limit for limit in high)
