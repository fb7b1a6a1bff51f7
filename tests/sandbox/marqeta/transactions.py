"""Transactions read back: by token, by chain, or page by page; not before they may be seen."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice

from tests.sandbox.marqeta.command import Command
from tests.sandbox.marqeta.errors import ApiError
from tests.sandbox.marqeta.lookup import cut
from tests.sandbox.marqeta.program import Program
from tests.sandbox.marqeta.state import Listed, State, timestamp, utc_now
from tests.sandbox.wire import Json, copy_of

_DAYS_BY_DEFAULT = 30
_STATES_BY_DEFAULT = "PENDING,COMPLETION"
_ORDERS = ("-created_time", "created_time", "-user_transaction_time", "user_transaction_time")
_EQUAL = ("user_token", "card_token", "acting_user_token")


def retrieve(program: Program, command: Command) -> Json:
    """Show a transaction; a 404 until it can be seen."""
    with program.state.lock:
        return copy_of(_visible(program.state, command.token))


def list_related(program: Program, command: Command) -> Json:
    """Show one page of a chain, in whatever state its members are."""
    state = program.state
    with state.lock:
        thing = _visible(state, command.token)
        chain = state.chain_of.get(command.token)
        members = [state.transactions[token] for token in chain.members] if chain else [thing]
        return _page(state, command, [member for member in members if _is_visible(state, member)])


def list_(program: Program, command: Command) -> Json:
    """Show one page of the last 30 days' pending and complete transactions, or of what the query asks for."""
    state = program.state
    with state.lock:
        return _page(state, command, _found(state, command))


def _found(state: State, command: Command) -> list[Json]:
    """Page after page asks for the same, while more happens: what cannot have changed is not searched again."""
    fits, now = _filter(command), timestamp()
    words = {name: value for name, value in command.query.items() if name not in ("count", "start_index", "sort_by")}
    if words.get("end_date", "") > now:
        del words["end_date"]
    asked = tuple(sorted(words.items()))
    # A transaction's state may change, and then it fits or does not.
    is_lasting = words.get("state") == "ALL" and state.listed.asked == asked
    state.listed = state.listed if is_lasting else Listed(asked)
    _look_at_more(state, state.listed, fits)
    rest = islice(state.transactions.values(), state.listed.looked_at, None)
    return state.listed.found + [thing for thing in rest if _is_visible(state, thing) and fits(thing)]


def _look_at_more(state: State, listed: Listed, fits: Callable[[Json], bool]) -> None:
    """Goes on as far as nothing is hidden that will show."""
    for thing in islice(state.transactions.values(), listed.looked_at, None):
        if not _is_visible(state, thing):
            return
        listed.looked_at += 1
        if fits(thing):
            listed.found.append(thing)


def _page(_state: State, command: Command, found: list[Json]) -> Json:
    sort_by = command.query.get("sort_by", "-user_transaction_time")
    if sort_by not in _ORDERS:
        raise ApiError(f"sort_by must be one of {', '.join(_ORDERS)}.", detail=5)
    # They are stored in the order of their numbers, which is that of time.
    ordered = found[::-1] if sort_by.startswith("-") else found
    return cut(ordered, command.query, show=copy_of, count=10)


def _filter(command: Command) -> Callable[[Json], bool]:
    query = command.query
    states = query.get("state", _STATES_BY_DEFAULT).split(",")
    types = query["type"].split(",") if "type" in query else None
    wanted = {name: query[name] for name in _EQUAL if name in query}
    first, last = _range(query.get("start_date"), query.get("end_date"))
    start = query.get("start_identifier", "0")
    if not (start.isascii() and start.isdecimal() and len(start) < 20):
        raise ApiError("start_identifier must be a whole number.", detail=7)

    def fits(thing: Json) -> bool:
        return (
            (states == ["ALL"] or thing["state"] in states)
            and (types is None or thing["type"] in types)
            and all(thing[name] == value for name, value in wanted.items())
            and first <= thing["user_transaction_time"] <= last
            and int(thing["identifier"]) >= int(start)
        )

    return fits


def _range(start: str | None, end: str | None) -> tuple[str, str]:
    last = _moment(end, at_the_end=True) if end else utc_now() + timedelta(days=1)
    first = _moment(start, at_the_end=False) if start else last - timedelta(days=_DAYS_BY_DEFAULT)
    return timestamp(first), timestamp(last)


def _moment(text: str, *, at_the_end: bool) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(f"{text!r} is neither a date nor a time.", detail=19) from None
    if len(text) == len("2026-01-31") and at_the_end:
        moment += timedelta(days=1, seconds=-1)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _visible(state: State, token: str) -> Json:
    thing = state.transactions.get(token)
    if thing is None or not _is_visible(state, thing):
        raise ApiError(f"No transaction has the token {token}.", status=404, detail=12)
    return thing


def _is_visible(state: State, thing: Json) -> bool:
    return state.visible_at[thing["token"]] <= time.monotonic()
