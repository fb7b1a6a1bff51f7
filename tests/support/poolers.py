"""A real PgBouncer in transaction mode, in front of the tests' own server."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from onecard.dev.account import find_account
from onecard.dev.ports import HOST, claimed_port

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
ignore_startup_parameters = {ignored}
server_reset_query =
"""


def pgbouncer() -> Path:
    """The program; without it the test is skipped, which CI does not accept."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        assert not os.environ.get("CI"), "pgbouncer is missing; CI installs it (.ci/run)"
        pytest.skip("PGBOUNCER IS MISSING, SO NOTHING WAS TRIED BEHIND A POOLER: apt-get install pgbouncer")
    return Path(found)


@contextlib.contextmanager
def pooler(*, size: int = 2, ignored: str = "") -> Iterator[int]:
    """Yields its port on the loopback address; `ignored` names start-up parameters that it drops without an error."""
    program, settings = pgbouncer(), connection.settings_dict
    with claimed_port() as own_port, tempfile.TemporaryDirectory(prefix="onecard-pooler-") as name:
        folder = Path(name)
        values = {"host": settings["HOST"], "port": settings["PORT"] or "5432", "user": settings["USER"]}
        text = CONFIGURATION.format(**values, own_port=own_port, size=size, ignored=ignored)
        (folder / "pgbouncer.ini").write_text(text)
        account = find_account(program=program, folder=folder)
        account.own(folder)
        command = [*account.prefix, program, "-q", folder / "pgbouncer.ini"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                _wait_for(own_port, process)
                yield own_port
            finally:
                process.send_signal(signal.SIGTERM)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until, last = time.monotonic() + 20, ""
    settings = connection.settings_dict
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"pgbouncer ended: {(process.stderr or process.stdout).read()!r}")  # type: ignore[union-attr]
        try:
            psycopg.connect(host=HOST, port=port, user=settings["USER"], dbname=settings["NAME"]).close()
        except psycopg.OperationalError as error:
            last = str(error)
        else:
            return
        time.sleep(0.1)
    raise AssertionError(f"pgbouncer did not become ready: {last}")


@contextlib.contextmanager
def through(port: int) -> Iterator[None]:
    """Inside, this process's connections, in threads that begin now as well, go through the pooler."""
    database = connection.settings_dict
    usual = database["HOST"], database["PORT"]
    connection.close()
    database["HOST"], database["PORT"] = HOST, str(port)
    try:
        yield
    finally:
        connection.close()
        database["HOST"], database["PORT"] = usual
