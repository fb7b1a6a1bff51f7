"""Web process or PostgreSQL is killed by kill -9 while purchases come: what was approved stands, once, within limits.

Both run on a PostgreSQL of the test's own with fsync on. After the restart every question is asked again.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import environ
import psycopg
import pytest
from django.conf import settings

from onecard.dev.orphans import list_servers_in
from onecard.dev.ports import HOST, claimed_port
from onecard.dev.private_postgres import socket_folder, start_postgres
from onecard.dev.stack import web_command
from onecard.dev.supervisor import Supervisor
from tests.support import stripe_events
from tests.support.lengths import length
from tests.support.starts import ROOT
from tests.support.web_servers import wait_until_ready

pytestmark = [pytest.mark.only_in_proofs, pytest.mark.timeout(300)]

LOAD_S: Final = length("KILL_LOAD_S", short=2, whole=6)
BUYERS: Final = 12
CARDS: Final = 40
AMOUNT: Final = 100
# The first four cards may buy this often; the others come to no limit.
MOST: Final = 4
MAKE_CARDS: Final = f"from tests.proofs.bench.people import make_cards; make_cards({CARDS})"


@dataclass(slots=True)
class World:
    """A PostgreSQL of its own, and the processes in it that are killed and started again."""

    folder: Path
    sockets: Path
    url: str
    port: int
    postgres: Supervisor
    web: subprocess.Popen[bytes] | None = None

    def serve(self) -> None:
        secrets = ",".join(settings.STRIPE_WEBHOOK_SECRETS)
        wanted = os.environ | {"DATABASE_URL": self.url, "STRIPE_WEBHOOK_SECRETS": secrets}
        # One process: with more, the first one's children would live on.
        command = [*web_command(self.port, processes=1), "--log-level", "error"]
        self.web = subprocess.Popen(command, cwd=ROOT, env=wanted)
        wait_until_ready(self.port, self.web)

    def kill_web(self) -> None:
        assert self.web
        self.web.kill()
        self.web.wait()
        self.serve()

    def kill_postgres(self) -> None:
        """Kills the server and each of its sessions at once, and starts it on what is on the disk."""
        for process in list_servers_in(self.folder / "postgres"):
            os.kill(process, signal.SIGKILL)
        self.postgres.children[0].process.wait()
        self.postgres.children.clear()
        start_postgres(self.postgres, folder=self.folder, sockets=self.sockets, durable=True)

    def ask(self, query: str) -> list[Any]:
        place = environ.Env.db_url_config(self.url)
        with psycopg.connect(host=place["HOST"], dbname=place["NAME"], user=place["USER"], autocommit=True) as link:
            return link.execute(query).fetchall()


@contextmanager
def a_world(folder: Path) -> Iterator[World]:
    with Supervisor(folder) as postgres, socket_folder(folder) as sockets, claimed_port() as port:
        url = start_postgres(postgres, folder=folder, sockets=sockets, durable=True)
        for command in (["migrate", "-v", "0"], ["shell", "-v", "0", "-c", MAKE_CARDS]):
            subprocess.run(
                [sys.executable, "manage.py", *command], cwd=ROOT, check=True, env=os.environ | {"DATABASE_URL": url}
            )
        world = World(folder, sockets, url, port, postgres)
        limits = f"daily_limit_minor = {MOST * AMOUNT}, per_transaction_limit_minor = {AMOUNT}"
        world.ask(
            f"UPDATE issuing_virtualcard SET {limits} "
            "WHERE id IN (SELECT id FROM issuing_virtualcard ORDER BY id LIMIT 4) RETURNING id"
        )
        try:
            world.serve()
            yield world
        finally:
            if world.web:
                world.web.kill()
                world.web.wait()


@dataclass(slots=True)
class Buyers:
    """People who buy one after the other; `asked` maps each event to its answer, None where none came."""

    port: int
    asked: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = field(default_factory=dict)
    done: threading.Event = field(default_factory=threading.Event)

    def buy_during(self, step: Callable[[], None]) -> None:
        """Runs the step while they buy, and lets them buy on for a while after it."""
        threads = [threading.Thread(target=self._buy, args=(number,)) for number in range(BUYERS)]
        for thread in threads:
            thread.start()
        try:
            time.sleep(LOAD_S)
            step()
            time.sleep(LOAD_S)
        finally:
            self.done.set()
            for thread in threads:
                thread.join(30)

    def _buy(self, number: int) -> None:
        while not self.done.is_set():
            event = stripe_events.authorization_request(card=f"ic_bench_{number % CARDS}", amount=AMOUNT)
            number += BUYERS + 1
            answer = answer_to(event, self.port)
            self.asked[event["id"]] = (event, answer)
            # While nobody serves, they must not keep the machine busy.
            self.done.wait(0.0 if answer else 0.2)


def answer_to(event: dict[str, Any], port: int) -> dict[str, Any] | None:
    """The answer of the server, None if it broke off."""
    body = json.dumps(event)
    client = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        headers = {"Content-Type": "application/json", "Stripe-Signature": stripe_events.signed(body)}
        client.request("POST", stripe_events.URL, body, headers)
        answer = client.getresponse()
        content: dict[str, Any] = json.loads(answer.read())
        return content if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        client.close()


def decision_in(answer: dict[str, Any] | None) -> str:
    """The stored decision that the answer names, or "" for a decline that nothing was stored of."""
    return str((answer or {}).get("metadata", {}).get("onecard_decision", ""))


@pytest.mark.parametrize("killed", ["web", "postgres"])
def test_what_was_approved_before_a_kill_stands_once_and_within_limits(killed: str, tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        buyers = Buyers(world.port)
        buyers.buy_during(world.kill_web if killed == "web" else world.kill_postgres)
        first = dict(buyers.asked)
        again = {key: answer_to(event, world.port) for key, (event, _) in first.items()}
        world.ask("SELECT issuing_write_decisions(ARRAY(SELECT id FROM issuing_journal))")
        told = {decision_in(answer) for _, answer in first.values() if answer and answer["approved"]}
        print(f"{len(first)} asked, {len(told)} approved, {sum(a is None for _, a in first.values())} without answer")
        assert len(told) > BUYERS
        assert unrecorded(world, told) == set()
        changed = [key for key, (_, answer) in first.items() if decision_in(answer) and again[key] != answer]
        assert changed == []
        assert_books_agree(world)


def unrecorded(world: World, told: set[str]) -> set[str]:
    """The approvals that were answered and are not in the database with their hold and their charge."""
    stored = world.ask(
        "SELECT d.public_id::text FROM issuing_decision d JOIN issuing_hold h ON h.decision_id = d.id "
        "JOIN wallet_fundingcharge c ON c.obligation_id = d.obligation_id WHERE d.approved"
    )
    return told - {decision for (decision,) in stored}


def assert_books_agree(world: World) -> None:
    spent = """
SELECT w.card_id, w.spent_minor, c.daily_limit_minor,
       (SELECT coalesce(sum(h.amount_minor - h.released_minor), 0) FROM issuing_hold h
         WHERE h.day_id = w.id AND h.status = 'placed')
  FROM issuing_spendwindow w JOIN issuing_virtualcard c ON c.id = w.card_id WHERE w.kind = 'day'"""
    windows = world.ask(spent)
    assert [row for row in windows if row[1] != row[3]] == []
    assert [row for row in windows if row[1] > row[2]] == []
    # The limits were met, or nothing was shown.
    assert sum(row[1] == row[2] for row in windows) == 4
    rounds = "SELECT authorization_id FROM issuing_decision WHERE approved GROUP BY 1, round_key HAVING count(*) > 1"
    assert world.ask(rounds) == []
