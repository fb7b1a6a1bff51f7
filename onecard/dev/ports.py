"""Free ports on the loopback address."""

import socket
from typing import Final

HOST: Final = "127.0.0.1"


def free_port(*, preferred: int = 0) -> int:
    """The preferred port if nobody listens there, else any free one; another process may still take it first."""
    with socket.socket() as listener:
        # As servers do it: a port that lingers after its last owner counts as free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, preferred))
        except OSError:
            return free_port()
        return int(listener.getsockname()[1])
