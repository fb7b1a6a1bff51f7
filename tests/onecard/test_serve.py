"""The web server's own command: what it refuses, and that a process that ends is replaced."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.onecard.dev.processes import eventually
from tests.support.starts import ROOT
from tests.support.web_servers import get, web_server


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--workers", "0"], "'0' is no number from 1 on"),
        (["--workers", "many"], "'many' is no number from 1 on"),
        (["--log-level", "loud"], "choose from 'error', 'warning', 'info', 'debug'"),
        (["--port", "http"], "invalid int value: 'http'"),
    ],
)
def test_a_wrong_option_is_said_in_a_line(options: list[str], why: str) -> None:
    command = [sys.executable, "-m", "onecard.serve", *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert why in ended.stderr.splitlines()[-1]


@pytest.mark.only_in_proofs
@pytest.mark.django_db(transaction=True)
def test_a_killed_process_of_the_server_is_replaced() -> None:
    with web_server() as port:
        before = _serving(port)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        assert eventually(lambda: before[0] not in _serving(port) and len(_serving(port)) == 2)
        assert all(get(port, "/health/ready") == 200 for _ in range(20))


def _serving(port: int) -> list[int]:
    """The processes that the server's first process has started to serve on this port."""
    (first,) = [pid for pid, line in _commands().items() if f"onecard.serve --host 127.0.0.1 --port {port}" in line]
    return sorted(pid for pid, line in _commands().items() if _parent(pid) == first and "spawn_main" in line)


def _commands() -> dict[int, str]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
