"""A real Celery worker in its own process, on the test's database and broker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from django.db import connection

from tests.sandbox.running import RunningSandbox
from tests.support.starts import ROOT

COMMAND = [sys.executable, "-m", "celery", "-A", "onecard.celery", "worker", "--concurrency", "2"]
ALONE = ["--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"]


@contextmanager
def celery_worker(sandbox: RunningSandbox, *, log: IO[bytes] | None = None, **environment: str) -> Iterator[None]:
    """Starts a worker that charges at the sandbox, and ends exactly that process; `log` gets its lines."""
    base, _, _name = os.environ["DATABASE_URL"].rpartition("/")
    ours = {"STRIPE_API_BASE": sandbox.url, "DATABASE_URL": f"{base}/{connection.settings_dict['NAME']}"}
    output = {"stdout": subprocess.DEVNULL, "stderr": log or subprocess.DEVNULL}
    process = subprocess.Popen([*COMMAND, *ALONE], cwd=ROOT, env=os.environ | ours | environment, **output)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
