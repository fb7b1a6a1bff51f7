"""Claims ports on the loopback address from the moment they are chosen until the launcher ends.

A server that listens with SO_REUSEPORT shares its port with another one of the same user without an error, and the
kernel then gives each of them a part of the purchases. So a port is claimed before anybody learns of it: by a name that
only one launcher of the machine can hold, and after a check of who listens already.
"""

import fcntl
import io
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from onecard.dev.errors import LauncherError

HOST: Final = "127.0.0.1"
TRIED_AFTER_THE_PREFERRED: Final = 50
TRIED_AT_RANDOM: Final = 50
CONNECT_TIMEOUT_S: Final = 0.5


@contextmanager
def claimed_port(*, preferred: int = 0) -> Iterator[int]:
    """Returns the preferred port, the next free one, or any free one without a preference; held until the end."""
    for port in _candidates(preferred):
        claim = _claim(port)
        if claim is None:
            continue
        try:
            if is_free(port):
                yield port
                return
        finally:
            claim.close()
    raise LauncherError(f"No port from {preferred} on is free; stop what listens there.")


def free_port() -> int:
    """Returns a port where nobody listens now, for a server that fails when another takes it first."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def is_free(port: int) -> bool:
    """Returns whether nobody listens there: not on this address, on all addresses, or on IPv6's."""
    return not _answers(socket.AF_INET, HOST, port) and not _answers(socket.AF_INET6, "::1", port) and _binds(port)


def _candidates(preferred: int) -> Iterator[int]:
    if preferred:
        yield from range(preferred, min(preferred + TRIED_AFTER_THE_PREFERRED, 65536))
    else:
        yield from (free_port() for _ in range(TRIED_AT_RANDOM))


def _binds(port: int) -> bool:
    with socket.socket() as listener:
        # As servers bind: a port in TIME_WAIT counts as free. It fails beside a listener.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
        return True


def _answers(family: int, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as caller:
            caller.settimeout(CONNECT_TIMEOUT_S)
            caller.connect((host, port))
    except TimeoutError:
        # Somebody listens and accepts nobody.
        return True
    except OSError:
        return False
    return True


def _claim(port: int) -> io.IOBase | socket.socket | None:
    """Claims a port for this process until it closes it or ends; None when another process holds it."""
    if sys.platform != "linux":
        return _lock_file(port)
    # An abstract name belongs to the network's namespace, as the port does, and is the same for every user.
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind(f"\0onecard-port-{port}")
    except OSError:
        holder.close()
        return None
    return holder


def _lock_file(port: int) -> io.IOBase | None:
    file = (Path(tempfile.gettempdir()) / f"onecard-port-{port}-{os.getuid()}.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
