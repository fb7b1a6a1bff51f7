"""A real process is killed with SIGKILL at one of its steps: nothing is flushed (money-safety F4, F9).

A step is a statement to the database, a commit, a request before it is sent and after it was answered, a message to the
broker, and a mail. They are counted at psycopg's own level, below Django, since the decision speaks to it directly.
"""

import os
import re
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import psycopg
from celery import Celery
from django.core.mail import EmailMessage
from django.db import connection, connections
from psycopg import Pipeline, ServerCursor
from requests.adapters import HTTPAdapter

from issuing.issuers import registry
from tests.support.snapshots import APPLICATION_NAME
from wallet.processors.stripe.client import stripe_client

Say = Callable[[bytes], None]
Act = Callable[[Say], object]
LONGEST_LIFE_S = 60
BROKEN = 70
OTHERS = f"""
SELECT pid, application_name, state, left(query, 100) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND application_name <> '{APPLICATION_NAME}'
"""


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended: killed or at its own end, after which steps, and what it had said to the world by then."""

    was_killed: bool
    steps: tuple[str, ...]
    said: tuple[bytes, ...]

    @property
    def where(self) -> str:
        return f"step {len(self.steps)}, {self.steps[-1]}" if self.steps else "no step"


def live(act: Act, *, kill_at: int = 0) -> Death:
    """Runs `act` in a process of its own, which is killed at that step; at 0, or when it ends before, it lives.

    `act` is given a way to say something that outlives the process, such as the answer to a request. Whatever the dead
    had begun is rolled back when this returns. An error in the process is raised here as AssertionError.
    """
    let_go()
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of threads at a fork; ours serve the sandbox, and the child never asks for their locks.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os.close(reader)
        _be_mortal(act, kill_at, writer)
    os.close(writer)
    try:
        told = _listen(reader)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(reader)
        _, status = os.waitpid(pid, 0)
    wait_for_rollback()
    return _judge(told, status)


def let_go() -> None:
    """Closes what a child must not inherit open: two processes on one connection would break each other's talk."""
    connections.close_all()
    registry.clear()
    stripe_client.cache_clear()


def wait_for_rollback(timeout_s: float = 30) -> None:
    """Until the database has noticed the death; its locks are gone with the transaction, as after a real crash."""
    until = time.monotonic() + timeout_s
    with connection.cursor() as cursor:
        while True:
            others = cursor.execute(OTHERS).fetchall()
            if not others:
                return
            assert time.monotonic() < until, f"backends live on, of the dead process or of an earlier test: {others}"
            time.sleep(0.002)


def _be_mortal(act: Act, kill_at: int, writer: int) -> NoReturn:
    """The child's whole life; it must never return into the test's process."""
    code = BROKEN
    try:
        life = _Life(kill_at, writer)
        _watch(life.step)
        act(life.say)
        life.step("the end")
        code = 0
    except BaseException:  # noqa: BLE001  (an interrupt of the parent's must not leave this process either)
        _tell(writer, "!", traceback.format_exc().encode())
    finally:
        os._exit(code)


class _Life:
    """Counts the steps, tells the parent of each before it is made, and ends at the one that is to be the last."""

    def __init__(self, kill_at: int, writer: int) -> None:
        self.left, self.writer = kill_at, writer

    def step(self, what: str) -> None:
        _tell(self.writer, "s", what.encode())
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def say(self, what: bytes) -> None:
        _tell(self.writer, "a", what)


def _tell(writer: int, kind: str, what: bytes) -> None:
    os.write(writer, f"{kind}{what.hex()}\n".encode())


def _listen(reader: int) -> list[tuple[str, bytes]]:
    """All that the child told, to its end."""
    until, heard = time.monotonic() + LONGEST_LIFE_S, b""
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, until - time.monotonic()))
        assert ready, f"the process neither ended nor died in {LONGEST_LIFE_S} s; it told {_read(heard)[-3:]}"
        part = os.read(reader, 65_536)
        if not part:
            return _read(heard)
        heard += part


def _read(heard: bytes) -> list[tuple[str, bytes]]:
    return [(line[:1], bytes.fromhex(line[1:])) for line in heard.decode().split("\n")[:-1]]


def _judge(told: list[tuple[str, bytes]], status: int) -> Death:
    errors = [what.decode() for kind, what in told if kind == "!"]
    assert not errors, f"the process failed instead of dying:\n{errors[0]}"
    was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert was_killed or os.waitstatus_to_exitcode(status) == 0, f"the process ended with the status {status}"
    steps = tuple(what.decode() for kind, what in told if kind == "s")
    return Death(was_killed, steps, tuple(what for kind, what in told if kind == "a"))


def _watch(step: Callable[[str], None]) -> None:
    """Every way out of the process passes a step; it is for a process of its own, so nothing is put back."""
    for cursor in (psycopg.Cursor, ServerCursor):
        _wrap(cursor, "execute", step, before=lambda args: _short(args[1]))
    _wrap(psycopg.Cursor, "executemany", step, before=lambda args: _short(args[1]))
    _wrap(psycopg.Cursor, "copy", step, before=lambda args: _short(args[1]))
    _wrap(psycopg.Connection, "commit", step, before=lambda _: "before the commit", after="after the commit")
    _wrap(Pipeline, "__exit__", step, before=lambda _: "before the pipeline's end", after="after the pipeline's end")
    _wrap(HTTPAdapter, "send", step, before=lambda args: _request(args[1]), after="the request was answered")
    _wrap(Celery, "send_task", step, before=lambda args: f"before publishing {args[1]}", after="published")
    _wrap(EmailMessage, "send", step, before=lambda _: "before a mail", after="after a mail")


def _wrap(owner: Any, name: str, step: Callable[[str], None], *, before: Callable[[Any], str], after: str = "") -> None:
    original = getattr(owner, name)

    def stepping(*args: Any, **more: Any) -> Any:
        step(before(args))
        try:
            return original(*args, **more)
        finally:
            # A lost answer is a moment to die at as well.
            if after:
                step(after)

    setattr(owner, name, stepping)


def _short(query: Any) -> str:
    text = query if isinstance(query, str) else str(query)
    return re.sub(r"\s+", " ", text).strip()[:90]


def _request(request: Any) -> str:
    return f"before {request.method} {request.path_url[:60]}"
