"""A private PostgreSQL in a folder of the checkout, on a Unix socket that only its owner can reach."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from onecard.dev.account import Account, find_account
from onecard.dev.binaries import find_postgres
from onecard.dev.errors import LauncherError
from onecard.dev.orphans import end_orphans
from onecard.dev.supervisor import Child, Supervisor
from onecard.dev.waiting import say, wait_until

NAME: Final = "onecard"  # Of the superuser and of the database.
SOCKET_FILE: Final = "/.s.PGSQL.5432"
SOCKET_PATH_MOST_BYTES: Final = 107
START_TIMEOUT_S: Final = 60.0
# The state in the last line of postmaster.pid, as pg_ctl reads it.
READY_LINES: Final = 8

SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "200",
    "unix_socket_permissions": "0700",
    # The default is too small: the proofs write some gigabytes.
    "shared_buffers": "512MB",
}
# A test database may be lost in a crash, has no standby, and holds a few rows: the tests save time.
NOT_DURABLE: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
    "jit": "off",
}


def start_postgres(
    supervisor: Supervisor, *, folder: Path, sockets: Path, durable: bool, copy_of: Path | None = None
) -> str:
    """Starts the server and returns its DATABASE_URL; a durable one keeps its data between runs. Raises LauncherError.

    The supervisor stops it. A new one begins with a copy of the data in `copy_of`, of a server that was stopped.
    """
    data = data_folder(folder)
    end_orphans(data)
    if not durable:
        shutil.rmtree(data, ignore_errors=True)
    programs = find_postgres(major=_major_of(data if data.exists() or copy_of is None else copy_of))
    account = _prepare(data, programs, copy_of)
    account.own(sockets)
    # Nobody works in the folder any more, but the process id in this file may belong to another process by now.
    (data / "postmaster.pid").unlink(missing_ok=True)
    settings = SETTINGS | ({} if durable else NOT_DURABLE)
    options = [f"--{name}={value}" for name, value in settings.items()]
    command: list[str | Path] = [*account.prefix, programs / "postgres", "-D", data, "-k", sockets, *options]
    # SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
    server = supervisor.start("postgres", command, stop_signal=signal.SIGINT)
    wait_until(lambda: _is_ready(server, data), what="PostgreSQL to accept connections", timeout_s=START_TIMEOUT_S)
    return database_url(sockets)


def data_folder(folder: Path) -> Path:
    """Returns where the server whose folder this is keeps its data."""
    return folder / "postgres"


@contextmanager
def socket_folder(folder: Path) -> Iterator[Path]:
    """Returns a folder for the server's socket that only its owner can enter, below `folder` if the path is short."""
    near = folder / "socket"
    # The kernel limits a socket's path, and PostgreSQL reads a comma or a quote as part of a list.
    if len(os.fsencode(near)) + len(SOCKET_FILE) <= SOCKET_PATH_MOST_BYTES and not set(str(near)) & set(",'\""):
        shutil.rmtree(near, ignore_errors=True)
        near.mkdir(mode=0o700)
        yield near
        return
    with tempfile.TemporaryDirectory(prefix="onecard-") as far:
        yield Path(far)


def database_url(sockets: Path) -> str:
    """Returns the URL of the database behind the socket, in the form that names a folder instead of a host."""
    return f"postgres://{NAME}@/{quote(str(sockets))}/{NAME}"


def _prepare(data: Path, programs: Path, copy_of: Path | None) -> Account:
    fresh = not data.exists()
    place = data.with_name("postgres.new") if fresh else data
    if fresh:
        # Made elsewhere and renamed when complete, so that an interrupted start leaves nothing half made.
        shutil.rmtree(place, ignore_errors=True)
        if copy_of is not None:
            shutil.copytree(copy_of, place, symlinks=True)
        place.mkdir(mode=0o700, exist_ok=True)
    account = find_account(program=programs / "postgres", folder=place)
    if fresh:
        if copy_of is None:
            _make_cluster(account, place, programs)
        place.rename(data)
    return account


def _make_cluster(account: Account, place: Path, programs: Path) -> None:
    say(f"Making a private PostgreSQL database in {place.parent}")
    options = ["-U", NAME, "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8", "--locale=C.UTF-8"]
    cluster: list[str | Path] = [*account.prefix, programs / "initdb", "-D", place, *options]
    _run([*cluster, "--data-checksums", "--no-sync"])
    # Single-user mode makes the database before anyone can connect, so there is no moment without it.
    alone: list[str | Path] = [*account.prefix, programs / "postgres", "--single", "-D", place, "template1"]
    _run(alone, words=f"CREATE DATABASE {NAME};\n")


def _run(command: Sequence[str | Path], *, words: str = "") -> None:
    answer = subprocess.run(command, input=words, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise LauncherError(f"{' '.join(map(str, command))} failed: {answer.stdout}{answer.stderr}".strip())


def _major_of(data: Path) -> int | None:
    version = data / "PG_VERSION"
    return int(version.read_text()) if version.exists() else None


def _is_ready(server: Child, data: Path) -> bool:
    server.raise_if_ended()
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= READY_LINES and lines[READY_LINES - 1].strip() == "ready"
