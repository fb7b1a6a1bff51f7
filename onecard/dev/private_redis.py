"""A private Redis or Valkey on a free loopback port, behind a random password."""

import os
import secrets
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from onecard.dev.binaries import find_redis, major_version
from onecard.dev.errors import ChildDiedError
from onecard.dev.orphans import end_orphans
from onecard.dev.ports import HOST, free_port
from onecard.dev.supervisor import Child, Supervisor
from onecard.dev.waiting import wait_until

START_TIMEOUT_S: Final = 30.0
TRIES: Final = 3

CONFIGURATION: Final = """\
bind {host}
port {port}
requirepass {password}
dir "{data}"
appendonly {append_only}
save ""
# A queue that silently drops messages would be worse than one that refuses them.
maxmemory-policy noeviction
"""


def start_redis(supervisor: Supervisor, *, folder: Path, durable: bool) -> str:
    """Starts the server and returns its REDIS_URL; a durable one keeps its data between runs. Raises LauncherError.

    The supervisor stops it.
    """
    program = find_redis()
    # Each kind and version writes files that others may refuse. A queue is rebuilt from the outbox anyway.
    data = folder / f"{program.name}-{major_version(program)}"
    end_orphans(data)
    if not durable:
        shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700, exist_ok=True)
    for tries_left in reversed(range(TRIES)):
        port, password = free_port(), secrets.token_hex(16)
        configuration = _write_configuration(data, port, password, durable=durable)
        server = supervisor.start("redis", [program, configuration])
        try:
            _wait(server, port, password)
        except ChildDiedError:
            # Another process may have taken the port between our check and the server's start.
            supervisor.stop_one(server)
            if not tries_left:
                raise
        else:
            return f"redis://:{password}@{HOST}:{port}/0"
    raise AssertionError("the last try returns or raises")


def _wait(server: Child, port: int, password: str) -> None:
    wait_until(lambda: _is_ready(server, port, password), what="Redis to answer", timeout_s=START_TIMEOUT_S)


def _write_configuration(data: Path, port: int, password: str, *, durable: bool) -> Path:
    # In a file that only its owner can read: everybody can see a command line.
    path = data / "redis.conf"
    quoted = str(data).replace("\\", "\\\\").replace('"', '\\"')
    text = CONFIGURATION.format(
        host=HOST, port=port, password=password, data=quoted, append_only="yes" if durable else "no"
    )
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123  (mode at birth)
        file.write(text)
    return path


def _is_ready(server: Child, port: int, password: str) -> bool:
    server.raise_if_ended()
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        with connection.makefile("rb") as answers:
            return answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
    return False
