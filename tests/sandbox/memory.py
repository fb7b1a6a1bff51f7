"""What the sandbox knows, kept in a file, so that it can be killed and started again as a real issuer's server can.

It is frozen first: every lock is taken and never let go, so that the file holds what it knew at one moment, and nobody
is told anything that the file does not know. A call with an idempotency key comes to its end before that. Whatever
waits for an answer is cut off there; cut_off.py says what becomes of it at the next start.
"""

import pickle
from dataclasses import fields
from pathlib import Path
from typing import Any

from tests.sandbox.marqeta.state import State as MarqetaState
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.state import State


def write_memory(sandbox: Sandbox, path: Path) -> None:
    """Freezes the sandbox for good and writes what it knows; the file takes the old one's place at once.

    A second call does nothing.
    """
    if not sandbox.keyed_calls.close():
        return
    outgoing, marqeta = sandbox.outgoing, sandbox.marqeta
    # In the order in which others take them.
    sandbox.state.lock.acquire()
    marqeta.state.lock.acquire()
    for lock in (*outgoing.locks, *marqeta.outgoing.locks):
        lock.acquire()
    new = path.with_suffix(".new")
    new.write_bytes(pickle.dumps(_memory(sandbox)))
    new.replace(path)


def read_memory(sandbox: Sandbox, path: Path) -> None:
    """Has a new sandbox know what the file says; raises OSError."""
    # Our own file of a moment ago.
    memory: dict[str, Any] = pickle.loads(path.read_bytes())  # noqa: S301
    sandbox.state = State(**memory["stripe"])
    sandbox.marqeta.state = MarqetaState(**memory["marqeta"])
    sandbox.marqeta.conduct = memory["conduct"]
    sandbox.idempotency.put_back(memory["keys"])
    sandbox.scenarios.put_back(memory["scenarios"])
    sandbox.requests.put_back(*memory["requests"])
    sandbox.deliveries.put_back(*memory["deliveries"])
    sandbox.outgoing.put_back(memory["events"])
    sandbox.marqeta.outgoing.put_back(memory["notices"])


def _memory(sandbox: Sandbox) -> dict[str, Any]:
    # One pickle: what is shared between the parts is shared again afterwards.
    return {
        "stripe": _fields(sandbox.state),
        "marqeta": _fields(sandbox.marqeta.state),
        "conduct": sandbox.marqeta.conduct,
        "keys": sandbox.idempotency.taken(),
        "scenarios": sandbox.scenarios.taken(),
        "requests": sandbox.requests.taken(),
        "deliveries": sandbox.deliveries.taken(),
        "events": sandbox.outgoing.taken(),
        "notices": sandbox.marqeta.outgoing.taken(),
    }


def _fields(state: State | MarqetaState) -> dict[str, Any]:
    return {each.name: getattr(state, each.name) for each in fields(state) if each.name != "lock"}
