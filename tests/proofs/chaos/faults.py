"""Carries a fault out on the running system, and takes it back: signals to processes, and orders to the proxies."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from onecard.dev.orphans import list_servers_in
from tests.proofs.chaos.places import PROCESSES
from tests.proofs.chaos.plan import Fault
from tests.proofs.chaos.system import System

BY_PROXY = ("slow", "throttle", "cut", "mute", "lose")
# So long before it is killed the sandbox does what it is asked and its answers get lost: some charges are in doubt.
LOSES_S = 1.0


@contextmanager
def fault_in(system: System, fault: Fault, *, chance: random.Random) -> Iterator[str]:
    """Inside, the part has the fault; gives the name of the process that has it. Raises LauncherError."""
    name = chance.choice(PROCESSES.get(fault.part, (fault.part,)))
    if fault.kind in BY_PROXY:
        system.network.behave(name, fault.kind, fault.value)
        yield name
        system.network.behave(name, "open")
    elif fault.kind == "silence":
        stopped = processes_of(system, name)
        _signal(stopped, signal.SIGSTOP)
        try:
            yield name
        finally:
            _signal(stopped, signal.SIGCONT)
    elif fault.kind == "kill_one":
        _signal([chance.choice(_servants(system, name))], signal.SIGKILL)
        yield name
    else:
        _end(system, name, fault.kind)
        yield name
        system.start_again(name)


def processes_of(system: System, name: str) -> list[int]:
    """Returns the process that was started and all that it started, the first of them first."""
    first = system.children[name].process.pid
    if name != "postgres":
        return [first, *_children_of(first)]
    # Each of PostgreSQL's processes leads a group of its own, and all of them work in its folder.
    return [first, *(pid for pid in list_servers_in(system.places.folder / "postgres") if pid != first)]


def _end(system: System, name: str, kind: str) -> None:
    if name == "sandbox":
        _freeze(system, name, loses_s=LOSES_S if kind == "kill" else 0.0)
    if kind == "kill":
        _signal(processes_of(system, name), signal.SIGKILL)
    system.end(name)


def _freeze(system: System, name: str, *, loses_s: float) -> None:
    """Has it do what it is asked and lose the answers; then it writes down what it knows, and does nothing more."""
    system.network.behave(name, "lose" if loses_s else "open")
    time.sleep(loses_s)
    system.freeze_sandbox()
    system.network.behave(name, "open")


def _servants(system: System, name: str) -> list[int]:
    """The processes that do the work: backends of the database, workers of the web server."""
    if name != "postgres":
        # Beside them it has a tracker of resources, and now and then a process that takes stand-in's snapshot.
        return [pid for pid in processes_of(system, name)[1:] if b"multiprocessing-fork" in _command(pid)]
    return [pid for pid in processes_of(system, name)[1:] if b"onecard" in _command(pid)]


def _children_of(pid: int) -> list[int]:
    children = [
        int(each) for task in Path(f"/proc/{pid}/task").glob("*") for each in (task / "children").read_text().split()
    ]
    return [*children, *(each for child in children for each in _children_of(child))]


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
