"""A sandbox that is killed and started again: it knows what it knew, and takes up what was cut off."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from tests.sandbox.running import DEFAULT_API_KEY
from tests.sandbox.tests.conftest import CARD, CITI, CUSTOMER
from tests.sandbox.tests.receiver import SECRET, Json, Receiver, Reply, approve

pytestmark = pytest.mark.only_in_proofs

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {
    **os.environ,
    "DEBUG": "on",
    "ONECARD_STACK_FILE": "",
    "DATABASE_URL": "postgres://localhost/unused",
    "STRIPE_API_KEY": DEFAULT_API_KEY,
    "STRIPE_WEBHOOK_SECRETS": SECRET,
}


@dataclass(frozen=True)
class Alive:
    process: subprocess.Popen[str]
    url: str

    @property
    def client(self) -> stripe.StripeClient:
        return stripe.StripeClient(
            DEFAULT_API_KEY,
            base_addresses={"api": self.url},
            http_client=stripe.RequestsClient(timeout=10),
            max_network_retries=0,
        )

    def control(self, method: str, path: str, **more: Any) -> Any:
        return requests.request(method, f"{self.url}/_sandbox/{path}", timeout=10, **more).json()

    def kill(self) -> None:
        assert self.control("POST", "freeze") == {"frozen": True}
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)


@contextmanager
def alive(receiver: Receiver, memory: Path) -> Iterator[Alive]:
    words = [sys.executable, "manage.py", "sandbox", "--port", "0", "--memory", str(memory)]
    words += ["--webhook-url", receiver.url]
    with subprocess.Popen(words, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Alive(process, process.stdout.readline().split()[3].rstrip(","))
        finally:
            process.kill()


def charge(client: stripe.StripeClient, key: str) -> str:
    params: Any = {"amount": 4500, "currency": "usd", "customer": CUSTOMER, "payment_method": CITI}
    made = client.v1.payment_intents.create({**params, "off_session": True, "confirm": True}, {"idempotency_key": key})
    return made.id


def assert_soon(holds: Callable[[], Any]) -> Any:
    until = time.monotonic() + 10
    while not (found := holds()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("ended", ["killed", "stopped"])
def test_after_a_restart_a_key_has_its_old_answer(receiver: Receiver, tmp_path: Path, ended: str) -> None:
    with alive(receiver, tmp_path / "memory") as first:
        made = charge(first.client, "key-1")
        if ended == "killed":
            first.kill()
        else:
            first.process.terminate()
            assert first.process.wait(5) == 0
    with alive(receiver, tmp_path / "memory") as second:
        assert charge(second.client, "key-1") == made
        assert charge(second.client, "key-2") != made
        assert len(second.client.v1.payment_intents.list().data) == 2


def test_a_question_that_was_cut_off_is_a_decline_and_is_told(receiver: Receiver, tmp_path: Path) -> None:
    answered = threading.Event()

    def decide(_event: Json) -> Reply:
        answered.wait(5)
        return approve()

    receiver.decide = decide
    with alive(receiver, tmp_path / "memory") as first:
        buying = threading.Thread(target=_buy, args=(first.client,))
        buying.start()
        assert_soon(lambda: first.client.v1.issuing.authorizations.list().data)
        first.kill()
        answered.set()
        buying.join()
    with alive(receiver, tmp_path / "memory") as second:
        (bought,) = second.client.v1.issuing.authorizations.list().data
        assert (bought.approved, bought.status) == (False, "closed")
        asked, told = "issuing_authorization.request", "issuing_authorization.created"
        (question,) = second.control("GET", f"deliveries?event_type={asked}")["deliveries"]
        assert question["error"] == "the issuer ended before the answer"
        assert_soon(lambda: second.control("GET", f"deliveries?event_type={told}")["deliveries"])


def test_what_nobody_took_is_sent_again(receiver: Receiver, tmp_path: Path) -> None:
    with alive(receiver, tmp_path / "memory") as first:
        first.control("POST", "scenarios", json={"webhook": "*", "do": "out_of_order", "times": None})
        charge(first.client, "key-1")
        first.kill()
    with alive(receiver, tmp_path / "memory") as second:
        kind = "payment_intent.succeeded"
        assert_soon(lambda: second.control("GET", f"deliveries?event_type={kind}")["deliveries"])


def test_without_a_place_it_does_not_freeze(receiver: Receiver) -> None:
    words = [sys.executable, "manage.py", "sandbox", "--port", "0", "--webhook-url", receiver.url]
    with subprocess.Popen(words, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[3].rstrip(",")
            assert "--memory" in Alive(process, url).control("POST", "freeze")["error"]
            assert charge(Alive(process, url).client, "key-1")
        finally:
            process.kill()


def _buy(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.APIConnectionError):
        client.v1.test_helpers.issuing.authorizations.create({"card": CARD, "amount": 4500})
