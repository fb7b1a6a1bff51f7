"""A connection in an event loop: it answers, or says within its limit that it does not."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from typing import Any

import psycopg
import pytest
import uvloop
from django.conf import settings
from django.db import OperationalError, connection

from onecard.kit.postgresql.loop_connection import LoopConnection, bytea_array, jsonb

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = b"SELECT int4send(pg_backend_pid())"


Use = Callable[[Callable[[LoopConnection], Awaitable[Any]]], Any]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def use(request: pytest.FixtureRequest) -> Use:
    """Runs steps in a loop of their own and closes the connection."""

    def run(steps: Callable[[LoopConnection], Awaitable[Any]]) -> Any:
        link = LoopConnection()
        try:
            with asyncio.Runner(loop_factory=request.param) as runner:
                return runner.run(steps(link))  # type: ignore[arg-type]
        finally:
            link.close()

    return run


async def backend(link: LoopConnection) -> int:
    ((number,),) = await link.run(BACKEND, [], limit_ms=5000)
    return int.from_bytes(number or b"", "big")


async def end(number: int) -> None:
    """Has the server end a session, from a thread, since a loop may not wait for Django's own connection."""

    def terminate() -> None:
        with closing(connection.copy()) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [number])

    await asyncio.to_thread(terminate)


def test_it_returns_rows_in_binary_form(use: Use) -> None:
    async def steps(link: LoopConnection) -> Any:
        return await link.run(
            b"SELECT value, NULL FROM unnest($1::bytea[]) AS value", [bytea_array([b"a\0", b""])], limit_ms=5000
        )

    assert use(steps) == [(b"a\0", None), (b"", None)]


def test_it_is_kept_for_the_next_statement(use: Use) -> None:
    async def steps(link: LoopConnection) -> list[int]:
        return [await backend(link) for _ in range(3)]

    assert len(set(use(steps))) == 1


def test_a_statement_is_prepared_once(use: Use) -> None:
    names = b"SELECT convert_to(string_agg(name, ' ' ORDER BY name), 'UTF8') FROM pg_prepared_statements"

    async def steps(link: LoopConnection) -> list[Any]:
        return [await link.run(names, [], limit_ms=5000) for _ in range(3)]

    assert use(steps) == [[(b"in_loop_0 in_loop_1",)]] * 3


def test_behind_a_pooler_nothing_is_prepared(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.DATABASES["default"]["OPTIONS"], "pooler", "transaction")

    async def steps(link: LoopConnection) -> Any:
        await backend(link)
        return await link.run(b"SELECT int4send(count(*)::int) FROM pg_prepared_statements", [], limit_ms=5000)

    assert use(steps) == [(bytes(4),)]


def test_what_an_error_left_unprepared_is_prepared_at_the_next_use(use: Use) -> None:
    def create() -> None:
        with closing(connection.copy()) as other, other.cursor() as cursor:
            cursor.execute("CREATE TABLE loop_nonsense (nonsense bytea)")

    sql = b"SELECT nonsense FROM loop_nonsense"

    async def steps(link: LoopConnection) -> Any:
        with pytest.raises(OperationalError):
            await link.run(sql, [], limit_ms=5000)
        await asyncio.to_thread(create)
        return [await link.run(sql, [], limit_ms=5000) for _ in range(2)]

    try:
        assert use(steps) == [[], []]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE loop_nonsense")


def test_parameters_larger_than_the_socket_takes_arrive_whole(use: Use) -> None:
    large = b'"' + b"x" * 20_000_000 + b'"'

    async def steps(link: LoopConnection) -> Any:
        return await link.run(b"SELECT length($1::jsonb #>> '{}')::text::bytea", [jsonb(large)], limit_ms=30_000)

    assert use(steps) == [(b"20000000",)]


def test_an_error_of_a_statement_costs_no_connection(use: Use) -> None:
    async def steps(link: LoopConnection) -> tuple[int, int]:
        first = await backend(link)
        with pytest.raises(OperationalError, match="division by zero"):
            await link.run(b"SELECT 1 / length(''::text)", [], limit_ms=5000)
        return first, await backend(link)

    first, second = use(steps)
    assert first == second


def test_an_error_before_the_parameters_have_arrived_costs_no_connection(use: Use) -> None:
    large = b'"' + b"x" * 20_000_000 + b'"'

    async def steps(link: LoopConnection) -> tuple[int, int]:
        first = await backend(link)
        with pytest.raises(OperationalError, match="syntax error"):
            await link.run(b"SELECT FROM FROM $1::jsonb", [jsonb(large)], limit_ms=30_000)
        return first, await backend(link)

    first, second = use(steps)
    assert first == second


def test_the_server_ends_a_statement_at_its_limit(use: Use) -> None:
    async def steps(link: LoopConnection) -> float:
        await backend(link)
        started = time.monotonic()
        with pytest.raises(OperationalError):
            await link.run(b"SELECT pg_sleep(20)", [], limit_ms=100)
        return time.monotonic() - started

    assert use(steps) < 10
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%%' AND state = 'active'"
    until = time.monotonic() + 10
    with connection.cursor() as cursor:
        while cursor.execute(running).fetchone() != (0,):
            assert time.monotonic() < until, "the server went on"
            time.sleep(0.05)


def test_a_statement_that_the_server_ends_costs_no_connection(use: Use) -> None:
    async def steps(link: LoopConnection) -> bool:
        first = await backend(link)
        with pytest.raises(OperationalError):
            await link.run(b"SELECT pg_sleep(20)", [], limit_ms=200)
        return first == await backend(link)

    # On a busy machine the server's word may come too late.
    assert any(use(steps) for _ in range(5))


def test_a_wait_for_a_lock_ends_long_before_the_limit(use: Use) -> None:
    async def steps(link: LoopConnection) -> float:
        started = time.monotonic()
        with pytest.raises(OperationalError, match="lock timeout"):
            await link.run(b"SELECT pg_advisory_xact_lock(4217)", [], limit_ms=4000)
        return time.monotonic() - started

    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4217)")
        assert use(steps) < 3


def test_an_interrupted_wait_leaves_nothing_for_the_next_statement(use: Use) -> None:
    async def steps(link: LoopConnection) -> list[Any]:
        waiting = asyncio.create_task(link.run(b"SELECT 'late'::bytea, pg_sleep(0.2)", [], limit_ms=5000))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        found = await link.run(b"SELECT 'next'::bytea", [], limit_ms=5000)
        await asyncio.sleep(0.3)
        return [found, await link.run(b"SELECT 'last'::bytea", [], limit_ms=5000)]

    assert use(steps) == [[(b"next",)], [(b"last",)]]


def test_an_interruption_while_a_large_statement_is_sent_does_not_run_it(use: Use) -> None:
    large = b'"' + b"x" * 20_000_000 + b'"'
    insert = b"INSERT INTO loop_connection_test SELECT 1 WHERE $1::jsonb IS NOT NULL RETURNING id"

    async def steps(link: LoopConnection) -> None:
        await backend(link)
        waiting = asyncio.create_task(link.run(insert, [jsonb(large)], limit_ms=30_000))
        await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        assert await link.run(b"SELECT 'next'::bytea", [], limit_ms=5000) == [(b"next",)]

    connection.cursor().execute("CREATE TABLE loop_connection_test (id int)")
    use(steps)
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM loop_connection_test").fetchone() == (0,)
        cursor.execute("DROP TABLE loop_connection_test")


def test_a_connection_that_is_lost_while_idle_fails_no_statement(use: Use) -> None:
    async def steps(link: LoopConnection) -> tuple[int, int]:
        first = await backend(link)
        await end(first)
        # The loop reads that it is lost before anybody needs it.
        await asyncio.sleep(0.5)
        return first, await backend(link)

    first, second = use(steps)
    assert first != second


def test_a_connection_that_ends_is_replaced(use: Use) -> None:
    async def steps(link: LoopConnection) -> tuple[int, int]:
        first = await backend(link)
        await end(first)
        async with asyncio.timeout(10):
            while True:
                with suppress(OperationalError):
                    if (number := await backend(link)) != first:
                        return first, number

    first, second = use(steps)
    assert first != second


def test_a_statement_whose_connection_ends_fails_at_once(use: Use) -> None:
    async def steps(link: LoopConnection) -> None:
        number = await backend(link)
        waiting = asyncio.create_task(link.run(b"SELECT pg_sleep(20)", [], limit_ms=20_000))
        await asyncio.sleep(0.2)
        await end(number)
        async with asyncio.timeout(10):
            with pytest.raises(OperationalError) as raised:
                await waiting
        assert isinstance(raised.value.__cause__, psycopg.Error)

    use(steps)


def test_another_loop_gets_a_connection_of_its_own() -> None:
    link = LoopConnection()
    try:
        first, second = (asyncio.run(backend(link)) for _ in range(2))
    finally:
        link.close()

    assert first != second


def test_a_statement_commits_alone(use: Use) -> None:
    async def steps(link: LoopConnection) -> None:
        with pytest.raises(OperationalError):
            await link.run(
                b"WITH one AS (INSERT INTO loop_connection_test VALUES (1) RETURNING id) SELECT 1 / (id - 1) FROM one",
                [],
                limit_ms=5000,
            )

    connection.cursor().execute("CREATE TABLE loop_connection_test (id int)")
    use(steps)
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM loop_connection_test").fetchone() == (0,)
        cursor.execute("DROP TABLE loop_connection_test")
