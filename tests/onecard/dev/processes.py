"""Looking at real processes: who is alive, and who belongs to a launcher that a test started."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def is_alive(process_id: int) -> bool:
    """False for a process that is gone, and for one that only waits to be buried."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def eventually(happened: Callable[[], bool], *, within_s: float = 60.0) -> bool:
    deadline = time.monotonic() + within_s
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.05)
    return happened()


def start_launcher(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """A launcher of its own: Python code that prints a line when it is ready, and then stays."""
    program = [sys.executable, "-c", code + "\nimport time; time.sleep(600)", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.Popen(program, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True)


def read_numbers(launcher: subprocess.Popen[str]) -> list[int]:
    assert launcher.stdout is not None
    return [int(word) for word in launcher.stdout.readline().split()]


def kill(launcher: subprocess.Popen[str]) -> None:
    """kill -9: the launcher can do nothing about it."""
    launcher.kill()
    launcher.communicate()
