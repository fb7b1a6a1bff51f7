"""The network between the parts, as the harness holds it: the process with the proxies, and what it is told."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from onecard.dev.errors import LauncherError

SCRIPT = Path(__file__).with_name("proxy.py")


class Network:
    """The proxies by name; each is told how to behave and says when it does."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self._orders, self._answers = orders, answers

    def behave(self, name: str, mode: str, value: int = 0) -> None:
        """Returns once it behaves so; raises LauncherError when the proxies are gone."""
        self._orders.write(f"{name} {mode} {value}\n")
        self._orders.flush()
        self.wait()

    def wait(self) -> None:
        """For the answer to one order; raises LauncherError."""
        answer = self._answers.readline().strip()
        if answer != "ok":
            raise LauncherError(f"The proxies do not do as they are told: {answer or 'they are gone'}.")


@contextmanager
def network(places: Mapping[str, tuple[int, str]]) -> Iterator[Network]:
    """Proxies that are open: by name the port where each listens, and its target."""
    words = [f"{name}={port}={target}" for name, (port, target) in places.items()]
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            made = Network(process.stdin, process.stdout)
            made.wait()
            yield made
        finally:
            process.kill()
