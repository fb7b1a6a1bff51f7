"""One purchase is followed through the log from the webhook to the charge, by real processes (docs/runbook.md)."""

import json
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import IO, Any

import pytest

from issuing import journal
from issuing.models import IssuerEvent
from onecard.celery import SUBSCRIBERS
from onecard.dev.ports import HOST
from onecard.outbox.management.commands.relay import publish
from onecard.outbox.models import Message
from onecard.outbox.relay import relay_once
from tests.support import stripe_events
from tests.support.sandboxes import processor_sandbox
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import web_server
from tests.support.workers import celery_worker
from wallet.models import FundingCharge

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs]
PLANTED = ("4242424242424242", "ann@example.com")


@pytest.mark.timeout(240)
def test_a_purchase_is_found_by_its_id_in_the_lines_of_web_and_worker() -> None:
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    purchase = asked["data"]["object"]["id"]
    update = stripe_events.authorization_update(asked, description=" ".join(PLANTED))
    json_lines = {"LOG_FORMAT": "json", "RELEASE": "v7"}
    with tempfile.TemporaryFile() as web_log, tempfile.TemporaryFile() as worker_log, processor_sandbox() as sandbox:
        with web_server(log=web_log, **json_lines) as port:
            approved, decision_id = deliver(port, asked, request_id="issuer-asks-1")
            _, event_request = deliver(port, update, request_id=PLANTED[0])
        wait_until(lambda: FundingCharge.objects.exists() or not journal.write_waiting())
        with celery_worker(sandbox, log=worker_log, **json_lines):
            wait_until(lambda: not relay_once(publish, SUBSCRIBERS) and not Message.objects.filter(published_at=None))
            wait_until(lambda: not IssuerEvent.objects.filter(status="received").exists())
            wait_until(lambda: not FundingCharge.objects.filter(status__in=("intended", "sending")).exists())
            time.sleep(0.5)
        web, worker = lines(web_log), lines(worker_log)

    assert json.loads(approved)["approved"]
    assert decision_id == "issuer-asks-1"
    (seen,) = [line for line in web if line.get("authorization_id") == purchase]
    assert (seen["message"], seen["route"], seen["event_id"]) == ("answered", "stripe-webhook", update["id"])
    assert seen["request_id"] == event_request != PLANTED[0]
    done = {line["task"]: line for line in worker if line.get("authorization_id") == purchase}
    handled, charged = done["issuing.tasks.handle_event"], done["wallet.tasks.charge_funding"]
    assert (handled["request_id"], handled["event_id"]) == (event_request, update["id"])
    assert (charged["card_id"], charged["customer_id"]) == (str(card.public_id), str(card.cardholder.public_id))
    assert {line["release"] for line in web + worker} == {"v7"}
    assert all(line["duration_ms"] >= 0 and line["task_id"] for line in (handled, charged))
    for planted in PLANTED:
        assert planted not in json.dumps(web + worker)


def deliver(port: int, event: dict[str, Any], *, request_id: str) -> tuple[bytes, str]:
    """The answer to a genuine delivery, and the id under which the server knows it."""
    body = json.dumps(event)
    client = HTTPConnection(HOST, port, timeout=30)
    headers = {"Stripe-Signature": stripe_events.signed(body), "X-Request-Id": request_id}
    client.request("POST", stripe_events.URL, body, headers)
    answer = client.getresponse()
    content, name = answer.read(), answer.getheader("X-Request-Id") or ""
    client.close()
    assert answer.status == 200, content
    return content, name


def lines(log: IO[bytes]) -> list[dict[str, Any]]:
    """Every line is JSON, whoever wrote it."""
    log.seek(0)
    written = log.read().decode().splitlines()
    assert [line for line in written if not line.startswith("{")] == []
    return [json.loads(line) for line in written]


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)
