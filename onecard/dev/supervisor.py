"""Starts named processes, keeps their logs, and leaves none behind on Ctrl-C, SIGTERM or kill -9."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from onecard.dev import guardian
from onecard.dev.errors import ChildDiedError
from onecard.dev.waiting import wait_until

CHECKOUT: Final = Path(__file__).resolve().parents[2]
GRACE_S: Final = 10.0
LOG_LINES_SHOWN: Final = 15


@dataclass(frozen=True, slots=True)
class Child:
    """A running process, the leader of its own process group."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals

    def raise_if_ended(self) -> None:
        """Raises ChildDiedError with the last lines of the process's log once it has ended."""
        if self.process.poll() is not None:
            raise ChildDiedError(describe_end(self))


class Supervisor:
    """A context manager; on leaving it stops its processes, the last started first."""

    def __init__(self, log_folder: Path) -> None:
        self._log_folder = log_folder
        self.children: list[Child] = []
        self.guardian: subprocess.Popen[str] | None = None

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Child:
        """Starts a process that is to keep running; its output goes to a new NAME.log."""
        log = self._log_folder / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=dict(environment) if environment is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal reaches the launcher alone, which then stops the others in order.
                process_group=0,
            )
        child = Child(name, process, log, stop_signal)
        self.children.append(child)
        self._send_to_guardian(f"start {process.pid} {int(stop_signal)}")
        return child

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        timeout_s: float,
    ) -> None:
        """Runs a process to its end; raises ChildDiedError with its last lines when it fails."""
        child = self.start(name, command, environment=environment)
        wait_until(lambda: child.process.poll() is not None, what=name, timeout_s=timeout_s)
        if child.process.returncode != 0:
            raise ChildDiedError(describe_end(child))
        self._forget(child)

    def check(self) -> None:
        """Raises ChildDiedError for the first process that has ended."""
        for child in self.children:
            child.raise_if_ended()

    def stop(self) -> None:
        """Stops every remaining process: asks first, and kills after the grace period."""
        while self.children:
            self.stop_one(self.children[-1])
        if self.guardian is not None:
            self.guardian.communicate()
            self.guardian = None

    def stop_one(self, child: Child) -> None:
        """Stops one process and the rest of its group."""
        if child.process.poll() is None:
            child.process.send_signal(child.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(GRACE_S)
        # The leader is gone or its time is up; nobody of its group may outlive it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
        self._forget(child)

    def _forget(self, child: Child) -> None:
        self.children.remove(child)
        self._send_to_guardian(f"end {child.process.pid}")

    def _send_to_guardian(self, line: str) -> None:
        if self.guardian is None:
            self.guardian = subprocess.Popen(
                [sys.executable, "-I", "-S", guardian.__file__],
                stdin=subprocess.PIPE,
                # A reader of a killed launcher's output must not wait for the guardian as well.
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                text=True,
                # Signals that end the launcher do not reach it.
                start_new_session=True,
            )
        # The work goes on even if somebody killed the guardian.
        with contextlib.suppress(BrokenPipeError):
            assert self.guardian.stdin is not None  # noqa: S101  (it was asked for above)
            self.guardian.stdin.write(line + "\n")
            self.guardian.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def describe_end(child: Child) -> str:
    """Returns how a process ended, and the last lines of its log."""
    lines = child.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    words = "".join(f"\n  | {line}" for line in lines) or " It wrote nothing."
    return f"{child.name} ended with status {child.process.returncode}; its log is {child.log}.{words}"
