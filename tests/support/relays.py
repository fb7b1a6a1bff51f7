"""A relay in front of the tests' own PostgreSQL or Redis that can fall silent, and harms nobody else's tests.

All processes of a test run share its servers, so no test may stop them. A relay is a process of its own. While it is
stopped, the kernel takes connections and bytes in its name and nothing answers, as when the server hangs.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db import connection
from redis import Redis

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Relay:
    """A running relay: its port on the loopback address, and its process."""

    port: int
    pid: int

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Inside, nothing that is sent through it is answered."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def gone(self) -> Iterator[None]:
        """Inside, what was connected is cut off and new connections are refused, as when the server is stopped."""
        os.kill(self.pid, signal.SIGUSR1)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGUSR2)

    @property
    def database_url(self) -> str:
        """The tests' own database, through the relay."""
        settings = connection.settings_dict
        return f"postgres://{settings['USER']}:{settings['PASSWORD']}@{HOST}:{self.port}/{settings['NAME']}"

    def redis_url(self, url: str) -> str:
        """The Redis of this URL, through the relay."""
        parts = urlsplit(url)
        account, _, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{account}@{HOST}:{self.port}").geturl()


@contextlib.contextmanager
def database_relay() -> Iterator[Relay]:
    """A relay to the tests' PostgreSQL."""
    settings = connection.settings_dict
    host, port = str(settings["HOST"] or "localhost"), str(settings["PORT"] or "5432")
    with _relay(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else f"{host}:{port}") as relay:
        yield relay


@contextlib.contextmanager
def redis_relay(url: str) -> Iterator[Relay]:
    """A relay to the Redis of this URL."""
    parts = urlsplit(url)
    with _relay(f"{parts.hostname}:{parts.port or 6379}") as relay:
        yield relay
    # What the relay passed on at its end is carried out by the time that Redis answers us.
    with Redis.from_url(url) as link:
        link.ping()


@contextlib.contextmanager
def _relay(target: str) -> Iterator[Relay]:
    command = [sys.executable, __file__, target]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Relay(int(process.stdout.readline()), process.pid)
        finally:
            process.kill()


async def _serve(target: str) -> None:
    taken: set[asyncio.StreamWriter] = set()

    async def take_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await _connect(target)
        taken.update((writer, back))
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        taken.difference_update((writer, back))

    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(take_up, HOST, 0, backlog=512)
    port = server.sockets[0].getsockname()[1]
    told = {number: asyncio.Event() for number in (signal.SIGUSR1, signal.SIGUSR2)}
    for number, event in told.items():
        loop.add_signal_handler(number, event.set)
    print(port, flush=True)
    while True:
        await told[signal.SIGUSR1].wait()
        server.close()
        for writer in list(taken):
            writer.transport.abort()
        await told[signal.SIGUSR2].wait()
        for event in told.values():
            event.clear()
        server = await asyncio.start_server(take_up, HOST, port, backlog=512)


async def _connect(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if target.startswith("/"):
        return await asyncio.open_unix_connection(target)
    host, _, port = target.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
