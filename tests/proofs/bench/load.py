"""The load maker: a process of its own that posts signed requests over kept connections and prints what it saw.

    python -m tests.proofs.bench.load '{"port": 8000, "secret": "whsec_…", "cards": 10000, "connections": 32, …}'

It writes and reads bytes itself, because a client library would need more of the machine than the server under test.
Each request is another event and another purchase. It is signed when it is sent, since an old signature is declined.
"""

import hashlib
import hmac
import json
import os
import select
import socket
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from tests.proofs.bench.requests import Requests

HEAD: Final = (
    b"POST /stripe-webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nStripe-Signature: t=%d,v1=%s\r\n\r\n"
)
# An answer that takes longer than this is counted as an error, and so is its connection.
PATIENCE_S: Final = 10.0


@dataclass(slots=True)
class Client:
    """One kept connection; `due_at` is when its request should have been sent."""

    link: socket.socket
    due_at: float = 0.0
    answer: bytes = b""


@dataclass(slots=True)
class Load:
    """What is to be sent; `rate` 0 sends the next request as soon as a connection is free.

    Request number n is for card `lowest` + n * `step` % `cards`.
    """

    port: int
    secret: str
    api_version: str
    cards: int
    connections: int
    seconds: float
    rate: float = 0.0
    amount: int = 100
    lowest: int = 0
    step: int = 1
    number: int = 0
    durations_ms: list[float] = field(default_factory=list)
    declined: int = 0
    errors: int = 0
    sent: int = 0
    requests: Requests = field(init=False)

    def __post_init__(self) -> None:
        self.requests = Requests(self.api_version)

    def run(self) -> dict[str, Any]:
        """Sends for the given time; returns counts, percentiles in ms, and the CPU seconds of this process."""
        clients = {link.fileno(): Client(link) for link in (self._connect() for _ in range(self.connections))}
        poll = select.epoll()
        for number in clients:
            poll.register(number, select.EPOLLIN)
        started = time.perf_counter()
        self._exchange(poll, clients, started)
        took_s = time.perf_counter() - started
        for client in clients.values():
            client.link.close()
        return self._report(took_s)

    def _connect(self) -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link

    def _exchange(self, poll: select.epoll, clients: dict[int, Client], started: float) -> None:
        free, busy, end = list(clients.values()), 0, started + self.seconds
        next_at, last_answer_at = started, started
        while True:
            moment = time.perf_counter()
            if moment < end:
                while free and (not self.rate or next_at <= moment):
                    self._send(free.pop(), next_at if self.rate else moment)
                    busy += 1
                    next_at += 1 / self.rate if self.rate else 0.0
            elif not busy:
                return
            wait_s = max(0.0, min(next_at, end) - moment) if self.rate and moment < end else 0.5
            for number, _ in poll.poll(wait_s if wait_s else 0):
                client = clients[number]
                if self._receive(client):
                    busy -= 1
                    free.append(client)
                    last_answer_at = time.perf_counter()
            if busy and time.perf_counter() - max(last_answer_at, started) > PATIENCE_S:
                self.errors += busy
                return

    def _send(self, client: Client, due_at: float) -> None:
        card = self.lowest + (self.number + self.sent) * self.step % self.cards
        body = self.requests.body_for(card=f"ic_bench_{card}", amount=self.amount, unique=uuid.uuid4().hex)
        self.sent += 1
        signed_at = int(time.time())
        proof = hmac.new(self.secret.encode(), b"%d." % signed_at + body, hashlib.sha256).hexdigest().encode()
        client.due_at, client.answer = due_at, b""
        client.link.sendall(HEAD % (len(body), signed_at, proof) + body)

    def _receive(self, client: Client) -> bool:
        """Reads what came; returns True once the answer is whole."""
        client.answer += client.link.recv(65536)
        head, end, body = client.answer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return False
        self.durations_ms.append((time.perf_counter() - client.due_at) * 1000)
        if not head.startswith(b"HTTP/1.1 200"):
            self.errors += 1
        elif b'"approved":true' not in body.replace(b" ", b""):
            self.declined += 1
        return True

    def _report(self, took_s: float) -> dict[str, Any]:
        ordered = sorted(self.durations_ms) or [0.0]
        approved = len(self.durations_ms) - self.declined - self.errors
        return {
            "approved": approved,
            "declined": self.declined,
            "errors": self.errors,
            "sent": self.sent,
            "rps": approved / took_s,
            "p50": ordered[len(ordered) // 2],
            "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
            "cpu_s": sum(os.times()[:2]),
        }


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


if __name__ == "__main__":
    print(json.dumps(Load(**json.loads(sys.argv[1])).run()))
