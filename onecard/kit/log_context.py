"""The ids of a request or a task, which stand in each of its log lines (docs/decisions/0055).

They are context variables of structlog: each thread has its own, and so has each request in the event loop.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from onecard.kit.masking import masked

# What goes on to the messages and tasks that a request, an event or a task causes.
CARRIED: Final = ("request_id", "provider", "event_id", "authorization_id")
_QUESTION: Final = "question"


def bind(**ids: str) -> None:
    """Adds ids to the lines that follow, until the request or task ends; one that is empty changes nothing."""
    bind_contextvars(**{name: value for name, value in ids.items() if value})


def bind_request(name: str) -> None:
    """Binds the id of a request, in half a microsecond."""
    bind_contextvars(request_id=name)


def bind_question(provider: str, event_id: str, authorization_id: str) -> None:
    """Binds what a decision is about, in half a microsecond: as one variable, which is taken apart for a line."""
    bind_contextvars(**{_QUESTION: (provider, event_id, authorization_id)})


@contextmanager
def scope() -> Iterator[None]:
    """Runs a block; what it binds ends with it."""
    before = get_contextvars()
    try:
        yield
    finally:
        clear_contextvars()
        bind_contextvars(**before)


@contextmanager
def fresh(**ids: object) -> Iterator[None]:
    """Runs a block whose lines have these ids and no others; after it, the earlier ones are back."""
    with scope():
        clear_contextvars()
        bind_contextvars(**ids)
        yield


def bound() -> dict[str, str]:
    """Returns what is bound."""
    ids = get_contextvars()
    question = ids.pop(_QUESTION, ())
    asked = dict(zip(CARRIED[1:], question, strict=False))
    return {name: str(value) for name, value in (asked | ids).items()}


def carried() -> dict[str, str]:
    """Returns the ids that a message takes along, as they may be stored."""
    ids = bound()
    return {name: masked(ids[name]) for name in CARRIED if name in ids}
