"""A connection to PostgreSQL that an event loop uses without a thread: on the decision's path a wake-up costs too much.

It knows one thing: to run a statement within a limit, in a transaction of its own. Whatever goes wrong, the connection
is dropped, and whether the work was done is unknown; the next use opens another. Where a pooler gives the session to
others, nothing is prepared and nothing is left in it. Otherwise each statement is prepared at its first use: to read
and plan it again would be a seventh of what PostgreSQL does for a decision that commits alone (docs/decisions/0068).
"""

import asyncio
import struct
import threading
from collections.abc import Sequence
from itertools import count
from typing import Any, Final

import psycopg
from django.db import OperationalError, connections
from psycopg.pq import ConnStatus, ExecStatus, Format

from onecard.kit.patient_timer import give_up_after
from onecard.kit.postgresql import time_limits
from onecard.kit.postgresql.base import LOST_STATEMENT, READS_ONLY, NotConnectedError, NotDoneError

Row = tuple[bytes | None, ...]

# A plan that is kept must not go on reading a table as a whole that was small when it was made; with what stands for
# such reading in a plan's cost, PostgreSQL would also compile it, for seconds.
_LIMITS: Final = (
    b"SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),"
    b" set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"
)
# The server ends a statement at its limit, and the connection can be used on. It is given up on only this much later.
SILENCE_MS: Final = 20
# What runs for many must not wait for one row until it is too late for all: each of them can still be done alone.
LOCK_SHARE: Final = 0.25
# Of a statement that was run, and of one that was prepared.
_DONE: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
# The numbers of PostgreSQL's types.
_BYTEA: Final = 17
_INT8: Final = 20
_TEXT: Final = 25


class LoopConnection:
    """Runs one statement at a time."""

    def __init__(self) -> None:
        self._raw: Any = None
        self._socket = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rows: asyncio.Future[list[Row]] | None = None
        self._results: list[Any] = []
        # The names of the prepared statements; None where none may be. Those that are being prepared, in their order.
        self._prepared: dict[bytes, bytes] | None = None
        self._preparing: list[bytes] = []
        self._names = count()

    async def run(self, sql: bytes, params: Sequence[bytes], *, limit_ms: float) -> list[Row]:
        """Returns the rows with their columns in binary form; `params` are in binary form too.

        Raises django.db.OperationalError for any failure, when the server has not answered within the limit, or when it
        has waited for one lock during a quarter of it; NotDoneError when the server has certainly done nothing.
        """
        if not self.is_open:
            await self.open(limit_ms=limit_ms)
        try:
            return await self._exchange(sql, params, limit_ms)
        except TimeoutError:
            self.close()
            raise OperationalError("The database did not answer before the time was up.") from None
        except psycopg.Error as error:
            # After an error of the statement alone, the connection waits for the next one. After a failover it may
            # still lead to the old server.
            # With the connection lost, nobody knows whether it was done.
            is_refused = self._rows is None and self._raw is not None
            if not is_refused or isinstance(error, (*LOST_STATEMENT, READS_ONLY)):
                self.close()
            raise (NotDoneError if is_refused else OperationalError)(str(error)) from error
        except BaseException:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether there is a connection in this event loop."""
        return self._raw is not None and self._loop is asyncio.get_running_loop()

    async def open(self, *, limit_ms: float) -> None:
        """Connects; raises NotConnectedError, also when the server has not answered within the limit."""
        self.close()
        loop, given_up = asyncio.get_running_loop(), threading.Event()
        try:
            async with asyncio.timeout((max(limit_ms, 1) + SILENCE_MS) / 1000):
                raw, is_pooled = await asyncio.to_thread(_connect, limit_ms, given_up)
        except (OperationalError, TimeoutError) as error:
            raise NotConnectedError(*error.args) from error
        finally:
            given_up.set()
        raw.pgconn.nonblocking = 1
        raw.pgconn.enter_pipeline_mode()
        self._raw, self._socket, self._loop = raw, raw.pgconn.socket, loop
        self._prepared = None if is_pooled else {}
        loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Drops the connection; the server undoes what it has not committed."""
        raw, self._raw, self._rows = self._raw, None, None
        if raw is None:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        raw.close()

    async def _exchange(self, sql: bytes, params: Sequence[bytes], limit_ms: float) -> list[Row]:
        """Sends the limits and the statement together: one round trip, one implicit transaction."""
        assert self._loop is not None  # noqa: S101  (opened before)
        self._rows, self._results = self._loop.create_future(), []
        pgconn = self._raw.pgconn
        limits = [b"%d" % max(1, int(each)) for each in (limit_ms, limit_ms * LOCK_SHARE)]
        self._preparing = []
        self._send(_LIMITS, limits, Format.TEXT)
        self._send(sql, params, Format.BINARY)
        pgconn.pipeline_sync()
        self._flush()
        limit_s = (max(limit_ms, 1) + SILENCE_MS) / 1000
        timer = give_up_after(limit_s, self._rows, TimeoutError())
        try:
            return await self._rows
        finally:
            timer.cancel()

    def _send(self, sql: bytes, params: Sequence[bytes], format_of_params: Format) -> None:
        pgconn, formats = self._raw.pgconn, [format_of_params] * len(params)
        if self._prepared is None:
            pgconn.send_query_params(sql, params, param_formats=formats, result_format=Format.BINARY)
            return
        if sql not in self._prepared:
            self._preparing.append(sql)
            self._prepared[sql] = b"in_loop_%d" % next(self._names)
            pgconn.send_prepare(self._prepared[sql], sql)
        pgconn.send_query_prepared(self._prepared[sql], params, param_formats=formats, result_format=Format.BINARY)

    def _flush(self) -> None:
        """Sends what the socket takes now, and the rest when it takes more."""
        assert self._loop is not None  # noqa: S101  (opened before)
        if self._raw.pgconn.flush():
            self._loop.add_writer(self._socket, self._flush_more)
        else:
            self._loop.remove_writer(self._socket)

    def _flush_more(self) -> None:
        self._guarded(self._flush)

    def _read(self) -> None:
        self._guarded(self._take_results)

    def _guarded(self, step: Any) -> None:
        """Passes an error to whoever waits; without anybody, the connection ended while it was idle."""
        try:
            step()
        except psycopg.Error as error:
            waiting = self._rows
            self.close()
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)

    def _take_results(self) -> None:
        pgconn = self._raw.pgconn
        pgconn.consume_input()
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None:
                # One None follows the results of each statement. A lost connection gives nothing else.
                if pgconn.status != ConnStatus.OK:
                    raise psycopg.OperationalError("The connection to the database is lost.")
                if self._rows is None:
                    return
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                self._end()
                return
            self._results.append(result)

    def _end(self) -> None:
        (waiting, self._rows), results = (self._rows, None), self._results
        # After an error the server does nothing of what follows it.
        for sql in self._preparing[sum(each.status == ExecStatus.COMMAND_OK for each in results) :]:
            (self._prepared or {}).pop(sql, None)
        if waiting is None or waiting.done():
            return
        failed = [each for each in results if each.status not in _DONE]
        if failed:
            waiting.set_exception(psycopg.errors.error_from_result(failed[0]))
            return
        rows = results[-1]
        columns = range(rows.nfields)
        waiting.set_result([tuple(rows.get_value(row, each) for each in columns) for row in range(rows.ntuples)])


def bytea_array(values: Sequence[bytes]) -> bytes:
    """Returns the binary form of a bytea[]: one dimension, no nulls, from 1."""
    return _array(_BYTEA, values)


def text_array(values: Sequence[bytes]) -> bytes:
    """Returns the same of a text[]; the values are in UTF-8."""
    return _array(_TEXT, values)


def bigint_array(values: Sequence[int]) -> bytes:
    """Returns the same of a bigint[]."""
    # Packed at once: six of these come with each set of decisions under controls.
    count = len(values)
    sized = [8] * (2 * count)
    sized[1::2] = values
    return struct.pack(f"!iiIii{'iq' * count}", 1, 0, _INT8, count, 1, *sized)


def _array(kind: int, values: Sequence[bytes]) -> bytes:
    """Returns what PostgreSQL's array_recv reads."""
    parts = [struct.pack("!iiIii", 1, 0, kind, len(values), 1)]
    for value in values:
        parts += (len(value).to_bytes(4, "big"), value)
    return b"".join(parts)


def jsonb(text: bytes) -> bytes:
    """Returns the binary form of a jsonb (PostgreSQL's jsonb_recv): a version, and the text."""
    return b"\x01" + text


def _connect(limit_ms: float, given_up: threading.Event) -> tuple[Any, bool]:
    """Opens a connection as Django does, in a thread, without keeping it there; closes it when nobody wants it.

    Returns with it whether a pooler gives its session to others.
    """
    wrapper: Any = connections["default"]
    with time_limits.give_up_after(limit_ms / 1000), wrapper.wrap_database_errors:
        raw = wrapper.get_new_connection(wrapper.get_connection_params())
    raw.autocommit = True
    if given_up.is_set():
        raw.close()
    return raw, bool(wrapper.is_pooled)
