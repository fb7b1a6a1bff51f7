"""One migrated database for a test run; each worker's own database is a copy of it, which is quicker than migrating."""

import fcntl
import os
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from tests.support import time_limits

NAME = "onecard_migrated"
# Made with the run's private server, so that it is new with it.
LOCK = "ONECARD_TEMPLATE_LOCK"


def migrated_template() -> str | None:
    """Makes the database unless another worker has, and returns its name; None where the server is not the run's own.

    A database that is only half made stays under another name, so that nobody copies it.
    """
    if not os.environ.get(LOCK):
        return None
    # On a busy machine this takes longer than a test may.
    with time_limits.paused(), Path(os.environ[LOCK]).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _exists():
            _make()
    return NAME


def _exists() -> bool:
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
        return cursor.fetchone() is not None


def _make() -> None:
    half = f"{NAME}_half"
    _run(f"CREATE DATABASE {half}")
    settings: dict[str, Any] = connection.settings_dict
    usual, settings["NAME"] = settings["NAME"], half
    try:
        call_command("migrate", interactive=False, verbosity=0)
    finally:
        connection.close()
        settings["NAME"] = usual
    _run(f"ALTER DATABASE {half} RENAME TO {NAME}")


def _run(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)
