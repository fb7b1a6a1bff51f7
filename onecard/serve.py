"""`python -m onecard.serve`: the web server with the bounds that production runs it with (docs/deployment.md).

It is uvicorn (docs/decisions/0033), in one process or in several that it starts again when they end.
"""

import argparse
import socket
import sys
from contextlib import suppress
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from onecard.kit.http_protocol import BoundedHead

APPLICATION: Final = "onecard.asgi:application"
# A client that says nothing for so long, or does not finish a request's head, is hung up on.
HEAD_WITHIN_S: Final = 15
LEVELS: Final = ("error", "warning", "info", "debug")
BACKLOG: Final = 2048
ACCEPTED_IN_A_TURN: Final = 32
# A process that ends finishes what it has begun within this time.
ENDS_WITHIN_S: Final = 5
# On a busy machine a healthy process may take long to say that it lives.
LIVES_WITHIN_S: Final = 30


def main(arguments: list[str]) -> None:
    """Serves until it is told to end."""
    given = _parser().parse_args(arguments)
    config = uvicorn.Config(
        APPLICATION,
        host=given.host,
        port=given.port,
        workers=given.workers,
        log_level=given.log_level,
        # Lines are written as settings.LOGGING says; nginx keeps a log of requests.
        log_config=None,
        access_log=False,
        http=BoundedHead,
        loop="auto",
        ws="none",
        lifespan="off",
        interface="asgi3",
        # Django reads the proxy's headers, from whom it trusts.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=HEAD_WITHIN_S,
        timeout_graceful_shutdown=ENDS_WITHIN_S,
        timeout_worker_healthcheck=LIVES_WITHIN_S,
    )
    listeners = _listeners(config)
    if given.workers > 1:
        Multiprocess(config, sockets=listeners).run()
        return
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):
        server.run(listeners)
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _listeners(config: uvicorn.Config) -> list[socket.socket]:
    """Returns one listening socket under several descriptors.

    Since version 1.45, libuv accepts one connection for each descriptor in a turn of the loop. When turns are long, new
    connections would wait in the kernel for seconds, while kept ones are answered in milliseconds.
    """
    first = config.bind_socket()
    copies = [first.dup() for _ in range(ACCEPTED_IN_A_TURN - 1)]
    for copy in copies:
        copy.set_inheritable(True)
    return [first, *copies]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m onecard.serve", description="Serves the product over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen at (8000)")
    parser.add_argument("--workers", type=_number_of_processes, default=1, help="processes (1)")
    parser.add_argument("--log-level", default="info", choices=LEVELS, help="of the server itself (info)")
    return parser


def _number_of_processes(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


if __name__ == "__main__":
    main(sys.argv[1:])
