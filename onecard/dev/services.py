"""The database and the broker of a checkout: those that the environment names, otherwise private ones."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from onecard.dev.errors import AlreadyRunningError, LauncherError
from onecard.dev.private_postgres import socket_folder, start_postgres
from onecard.dev.private_redis import start_redis
from onecard.dev.supervisor import CHECKOUT, Supervisor

BASE: Final = CHECKOUT / ".onecard"
TEST_RUNS_MOST: Final = 9

Purpose = Literal["run", "test"]


@dataclass(frozen=True, slots=True)
class Services:
    """Where the database and the broker are. The supervisor stops everything that it was given, last first."""

    database_url: str
    redis_url: str
    folder: Path
    supervisor: Supervisor


@contextmanager
def private_services(purpose: Purpose, *, base: Path = BASE, copy_of: Path | None = None) -> Iterator[Services]:
    """Yields a database and a broker, and stops what it had to start; raises LauncherError.

    DATABASE_URL and REDIS_URL are each respected. The services of `run` keep their data; those of `test` are new, the
    database with a copy of the data in `copy_of`, if that is given.
    """
    durable = purpose == "run"
    with (
        claimed_folder(purpose, base=base) as folder,
        socket_folder(folder) as sockets,
        Supervisor(folder / "logs") as supervisor,
    ):
        database_url = os.environ.get("DATABASE_URL") or start_postgres(
            supervisor, folder=folder, sockets=sockets, durable=durable, copy_of=copy_of
        )
        redis_url = os.environ.get("REDIS_URL") or start_redis(supervisor, folder=folder, durable=durable)
        yield Services(database_url, redis_url, folder, supervisor)


@contextmanager
def claimed_folder(purpose: Purpose, *, base: Path = BASE) -> Iterator[Path]:
    """Yields a folder that no other launcher uses; raises AlreadyRunningError.

    A checkout has one running product; several test runs may go on side by side, each in its own folder.
    """
    slots = [purpose, *(f"test-{number}" for number in range(2, TEST_RUNS_MOST + 1) if purpose == "test")]
    for slot in slots:
        folder = base / slot
        lock = _open_lock(folder)
        try:
            if _claim(lock):
                yield folder
                return
        finally:
            os.close(lock)
    raise AlreadyRunningError(f"{base / purpose} is in use by another launcher; stop that one first (Ctrl-C there).")


def is_claimed(purpose: Purpose, *, base: Path = BASE) -> bool:
    """Returns whether a launcher holds the folder."""
    lock = _open_lock(base / purpose)
    try:
        return not _claim(lock)
    finally:
        os.close(lock)


def _open_lock(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise LauncherError(
            f"{folder} belongs to another user; remove it (make clean) or start as that user."
        ) from error


def _claim(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
