"""`manage.py bench`: the decision's path, measured beside its floors."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from onecard.dev.stack import web_command
from tests.proofs import bench
from tests.proofs.bench import Figures
from tests.proofs.own_database import own_database

START_TIMEOUT_S = 60.0


class Command(BaseCommand):
    help = (
        "Measures decisions over HTTP against the floors of HTTP and of PostgreSQL, on a fresh database and a web "
        "server of its own, and prints ratios. Nothing is asserted about speed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=2000, help="requests of each run (2000)")
        parser.add_argument("--clients", type=int, nargs="+", default=[1, 16], help="connections at once (1 16)")
        parser.add_argument("--cards", type=int, default=64, help="distinct cards (64)")

    def handle(self, *, count: int, clients: list[int], cards: int, **_options: Any) -> None:
        with own_database() as url, _web_server(_environment(url)) as web_url:
            ids = bench.make_cards(cards)
            self.stdout.write("Warming up ...")
            bench.measure_decisions(web_url, ids, count=300, clients=4)
            for number in clients:
                self._compare(web_url, ids, count=count, clients=number)

    def _compare(self, web_url: str, ids: list[str], *, count: int, clients: int) -> None:
        decision = bench.measure_decisions(web_url, ids, count=count, clients=clients)
        floors = [
            bench.measure_http_floor(web_url, count=count, clients=clients),
            bench.measure_database_floor(ids, count=count, clients=clients),
        ]
        self.stdout.write(f"\n{clients} connection(s), {count} requests each")
        self.stdout.write(f"  {'':<26}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}   decision is")
        self.stdout.write(f"  {_row(decision)}")
        for floor in floors:
            ratio = f"{decision.p50_ms / floor.p50_ms:.1f} x its p50, {decision.rate / floor.rate:.2f} x its rate"
            self.stdout.write(f"  {_row(floor)}   {ratio}")


def _row(figures: Figures) -> str:
    return f"{figures.name:<26}{figures.rate:>10.0f}{figures.p50_ms:>9.2f}{figures.p99_ms:>9.2f}"


def _environment(database_url: str) -> dict[str, str]:
    # The longest deadline: at saturation a queue is no late answer.
    return {**os.environ, "DATABASE_URL": database_url, "DECISION_DEADLINE_MS": "1900"}


@contextmanager
def _web_server(environment: dict[str, str]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*web_command(port), "--log-level", "error"]
    with subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}/health/ready", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  (our own loopback address)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise CommandError("The web server for the benchmark did not start.")
