"""A database that is gone for some purchases, and the folder in which stand-in keeps its answers to them."""

import contextlib
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from issuing.authorizations import stand_in_fold
from issuing.stand_in import files, snapshot_writing
from onecard.dev.ports import HOST, claimed_port
from tests.support import marqeta_events, stripe_events
from tests.support.threads import at_once


@contextlib.contextmanager
def stand_in(place: Path, **changes: Any) -> Iterator[Path]:
    """Stand-in keeps its answers there, and approves with `STAND_IN_POLICY="approve"`."""
    place.mkdir()
    # A busy machine may be slow; the deadline is not what these tests are about.
    with override_settings(**{"STAND_IN_DIR": str(place), "DECISION_DEADLINE_MS": 1900, **changes}):
        yield place


@contextlib.contextmanager
def database_gone() -> Iterator[None]:
    """New connections are refused; those that stand already are not."""
    with claimed_port() as port, pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections.settings["default"], "HOST", HOST)
        patch.setitem(connections.settings["default"], "PORT", str(port))
        yield


def without_database(*calls: Callable[[], Any]) -> list[Any]:
    """Runs all at once, each in a thread that finds no database."""
    with database_gone():
        return at_once(list(calls))


@contextlib.contextmanager
def disk_full(size: int) -> Iterator[None]:
    """The kernel lets no file grow beyond so many bytes: it writes what fits, and then refuses."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def ask(event: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request while there is no database."""
    answer: dict[str, Any] = without_database(lambda: stripe_events.post(event).json())[0]
    if answer["approved"]:
        _wait_for_mark()
    return answer


def _wait_for_mark() -> None:
    """An approval is marked in the journal after it was given, by whoever holds its lock until then."""
    place = files.folder()
    if place is not None:
        with files.locked(place, files.JOURNAL_LOCK, until=time.monotonic() + 10):
            pass


def fold(place: Path) -> dict[str, int]:
    """What became of the answers by their outcome. Their writers are done with them, so they need not be waited for."""
    for path in files.unfolded(place):
        os.utime(path, (time.time() - 60, time.time() - 60))
    return dict(stand_in_fold.fold(place).outcomes)


def take_snapshot() -> None:
    """Of all cards, as the web server does it."""
    snapshot_writing.take(Path(settings.STAND_IN_DIR))


def reason_of(answer: dict[str, Any]) -> str:
    return str(answer["metadata"].get("onecard_reason", ""))


def is_known(event: dict[str, Any]) -> bool:
    """Whether the journal has an answer to the event."""
    waiting = stand_in_fold.waiting(Path(settings.STAND_IN_DIR))
    return any(entry.request["event_id"] == event["id"] for entry, _is_in_doubt in waiting)


def ask_marqeta(asked: dict[str, Any]) -> Any:
    """The answer to a question of Marqeta while there is no database."""
    answer = without_database(lambda: marqeta_events.ask(asked))[0]
    if answer.status_code == 200:
        _wait_for_mark()
    return answer
