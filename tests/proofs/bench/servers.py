"""The two servers that the load maker posts to: the product and B, each started for the run and stopped after it."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from onecard.dev.errors import LauncherError
from onecard.dev.stack import web_command

IN_MEMORY = Path(__file__).with_name("in_memory")
START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on this port of the loopback; `pid` is the first of its processes."""

    port: int
    pid: int


@contextmanager
def product(database_url: str, *, processes: int, is_bare: bool = False) -> Iterator[Server]:
    """Starts the process for issuers' requests, with the deadline that it has in production; bare: without hooks.

    The bare one passes the merchant's category on, so that strategy `value` looks at all terms.
    """
    port = _free_port()
    environment = {**os.environ, "DATABASE_URL": database_url, "ONECARD_ROLE": "doors"}
    environment |= {"FRAUD_HOOKS": "", "MERCHANT_MCC_PASSED_THROUGH": "on"} if is_bare else {}
    command = [*web_command(port, processes=processes), "--log-level", "error"]
    with _running(command, environment, settings.BASE_DIR) as pid:
        _wait_for(f"http://127.0.0.1:{port}/health/ready")
        yield Server(port, pid)


@contextmanager
def in_memory(*, secret: str, cards: int) -> Iterator[Server | None]:
    """Starts B; None where Node or its package cannot be had."""
    if not _prepared():
        yield None
        return
    environment = {**os.environ, "BENCH_SECRET": secret, "BENCH_CARDS": str(cards), "NODE_ENV": "production"}
    with subprocess.Popen(["node", "server.mjs"], cwd=IN_MEMORY, env=environment, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout
            yield Server(int(server.stdout.readline()), server.pid)
        finally:
            server.terminate()


def _prepared() -> bool:
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    if (IN_MEMORY / "node_modules" / "express").is_dir():
        return True
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    return subprocess.run(command, cwd=IN_MEMORY, check=False).returncode == 0


@contextmanager
def _running(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[int]:
    with subprocess.Popen(command, env=environment, cwd=folder) as server:
        try:
            yield server.pid
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  (our own loopback address)
            return
        except OSError:
            time.sleep(0.1)
    raise LauncherError("The web server for the benchmark did not start.")
