"""The load maker: a process of its own that posts signed requests over kept connections and prints what it saw.

    python -m tests.proofs.bench.load '{"port": 8000, "secret": "whsec_…", "cards": 10000, "connections": 32, …}'

It writes and reads bytes itself, because a client library would need more of the machine than the server under test.
Each request is another event and another purchase. It is signed when it is sent, since an old signature is declined.

With a rate it is an open loop: what is due is sent whether or not the answers before it came, over one more connection
where all are in use. With a fixed number of connections the requests would wait here and the server would look idle.
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
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.proofs.bench.requests import Requests

HEAD: Final = (
    b"POST /stripe-webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nStripe-Signature: t=%d,v1=%s\r\n\r\n"
)
# An answer that takes longer than this is counted as an error, and so is its connection.
PATIENCE_S: Final = 10.0
# So many are sent before answers are read, so that a load maker that is late still reads what came.
AT_A_TIME: Final = 64


@dataclass(slots=True)
class Client:
    """One kept connection; `sent_at` is when its request was sent."""

    link: socket.socket
    sent_at: float = 0.0
    answer: bytes = b""


def percentile(values: Sequence[float], percent: int) -> float:
    """Returns a percentile; 0 of nothing."""
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


@dataclass(slots=True)
class Load:
    """What is to be sent; `rate` 0 sends the next request as soon as a connection is free.

    Request number n is for card `lowest` + n * `step` % `cards`. With a rate there are `connections` at the start and
    `most_connections` at most. It ends after `seconds`, or after `most_requests` where that is not 0. `lags_ms` is how
    late requests were sent: that is the load maker's own fault. The amount is in minor units: above those of
    whoever tries stolen numbers, for which every card would get a case of fraud (issuing/fraud/shipped/bursts.py).
    """

    port: int
    secret: str
    api_version: str
    cards: int
    connections: int
    seconds: float
    rate: float = 0.0
    amount: int = 4500
    most_requests: int = 0
    lowest: int = 0
    step: int = 1
    number: int = 0
    most_connections: int = 0
    within_ms: float = 1000.0
    approvals_ms: list[float] = field(default_factory=list)
    declines_ms: list[float] = field(default_factory=list)
    lags_ms: list[float] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    sent: int = 0
    requests: Requests = field(init=False)
    _clients: dict[int, Client] = field(default_factory=dict)
    _free: list[Client] = field(default_factory=list)
    _poll: select.epoll = field(default_factory=select.epoll)

    def __post_init__(self) -> None:
        self.requests = Requests(self.api_version)

    def run(self) -> dict[str, Any]:
        """Sends for the given time; returns counts, percentiles in ms, and the CPU seconds of this process."""
        for _ in range(self.connections):
            self._connect()
        started, began_cpu_s = time.perf_counter(), sum(os.times()[:2])
        self._exchange(started)
        took_s = time.perf_counter() - started
        for client in self._clients.values():
            client.link.close()
        return self._report(took_s, sum(os.times()[:2]) - began_cpu_s)

    def _connect(self) -> None:
        link = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = self._clients[link.fileno()] = Client(link)
        self._free.append(client)
        self._poll.register(link.fileno(), select.EPOLLIN)

    def _exchange(self, started: float) -> None:
        end, due_at, last_answer_at = started + self.seconds, started, started
        while True:
            moment = time.perf_counter()
            if moment < end and not self._is_over():
                due_at = self._send_due(due_at, moment)
            elif len(self._free) == len(self._clients):
                return
            wait_s = max(0.0, min(due_at, end) - moment) if self.rate and moment < end else 0.5
            for number, _ in self._poll.poll(wait_s):
                client = self._clients[number]
                if self._receive(client):
                    self._free.append(client)
                    last_answer_at = time.perf_counter()
            if time.perf_counter() - max(last_answer_at, started) > PATIENCE_S:
                self.errors += len(self._clients) - len(self._free)
                return

    def _is_over(self) -> bool:
        return 0 < self.most_requests <= self.sent

    def _send_due(self, due_at: float, moment: float) -> float:
        """Sends what is due, and returns when the next one is."""
        if not self.rate:
            while self._free and not self._is_over():
                self._send(self._free.pop())
            return due_at
        for _ in range(AT_A_TIME):
            if due_at > moment:
                break
            if not self._free and len(self._clients) < self.most_connections:
                self._connect()
            if not self._free:
                break
            self.lags_ms.append((time.perf_counter() - due_at) * 1000)
            self._send(self._free.pop())
            due_at += 1 / self.rate
        return due_at

    def _send(self, client: Client) -> None:
        card = self.lowest + (self.number + self.sent) * self.step % self.cards
        body = self.requests.body_for(card=f"ic_bench_{card}", amount=self.amount, unique=uuid.uuid4().hex)
        self.sent += 1
        signed_at = int(time.time())
        proof = hmac.new(self.secret.encode(), b"%d." % signed_at + body, hashlib.sha256).hexdigest().encode()
        client.sent_at, client.answer = time.perf_counter(), b""
        client.link.sendall(HEAD % (len(body), signed_at, proof) + body)

    def _receive(self, client: Client) -> bool:
        """Reads what came; returns True once the answer is whole."""
        client.answer += client.link.recv(65536)
        head, end, body = client.answer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return False
        self._note(head, body, (time.perf_counter() - client.sent_at) * 1000)
        return True

    def _note(self, head: bytes, body: bytes, took_ms: float) -> None:
        if not head.startswith(b"HTTP/1.1 200"):
            self.errors += 1
            self.reasons[head[:12].decode()] += 1
        elif b'"approved":true' in body.replace(b" ", b""):
            self.approvals_ms.append(took_ms)
        else:
            self.declines_ms.append(took_ms)
            self.reasons[json.loads(body).get("metadata", {}).get("onecard_reason", "")] += 1

    def _report(self, took_s: float, cpu_s: float) -> dict[str, Any]:
        answers_ms = self.approvals_ms + self.declines_ms
        approved, declined = len(self.approvals_ms), len(self.declines_ms)
        return {
            "approved": approved,
            "declined": declined,
            "errors": self.errors,
            "sent": self.sent,
            "reasons": dict(self.reasons),
            "rps": approved / took_s,
            "declined_rps": declined / took_s,
            "in_time": sum(each <= self.within_ms for each in answers_ms) / max(self.sent, 1),
            "p50": percentile(answers_ms, 50),
            "p99": percentile(answers_ms, 99),
            "approved_p50": percentile(self.approvals_ms, 50),
            "approved_p99": percentile(self.approvals_ms, 99),
            "declined_p50": percentile(self.declines_ms, 50),
            "declined_p99": percentile(self.declines_ms, 99),
            "lag_p99": percentile(self.lags_ms, 99),
            "connections": len(self._clients),
            "took_s": took_s,
            "cpu_s": cpu_s,
        }


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


if __name__ == "__main__":
    print(json.dumps(Load(**json.loads(sys.argv[1])).run()))
