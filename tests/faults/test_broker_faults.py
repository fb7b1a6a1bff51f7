"""The broker forgets, is mute, or delivers twice; nobody loses money (money-safety F7, F8, I11, T18)."""

import datetime as dt
import socket
import time
from collections.abc import Iterator

import pytest
import redis
from django.conf import settings as django_settings
from django.db import transaction

from onecard.celery import SUBSCRIBERS
from onecard.kit import clock
from onecard.outbox import relay, services
from onecard.outbox.management.commands.relay import publish
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.brokers import publishing_to
from tests.support.sandboxes import intended_charge, intents, processor_sandbox
from tests.support.workers import celery_worker
from wallet.charges import charge as charges
from wallet.models import FundingCharge

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """The suite's own broker, empty."""
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


def waiting_in(broker: redis.Redis) -> int:
    """How many tasks wait in the queue, at any priority."""
    return sum(int(broker.llen(key)) for key in ("celery", *broker.scan_iter("celery\x06*")))


def requested(charge: FundingCharge) -> FundingCharge:
    with transaction.atomic():
        services.put(topic="funding.requested", charge_id=charge.pk)
    return charge


def test_a_broker_that_forgets_everything_costs_time_and_no_money(broker: redis.Redis, sandbox: RunningSandbox) -> None:
    charge = requested(intended_charge())
    assert relay.relay_once(publish, SUBSCRIBERS) == 1
    assert waiting_in(broker) == 1
    broker.flushdb()

    assert charges.sweep(now=clock.now() + dt.timedelta(seconds=10)) == 1

    charge.refresh_from_db()
    assert (charge.status, len(intents(sandbox))) == ("succeeded", 1)


@pytest.mark.only_in_proofs
def test_a_broker_that_is_mute_is_given_up_in_seconds(broker: redis.Redis) -> None:
    requested(intended_charge())
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        url = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        with publishing_to(url) as publish_to_the_mute, pytest.raises(relay.BrokerAwayError):
            relay.relay_once(publish_to_the_mute, SUBSCRIBERS)
        assert time.monotonic() - started < 30

    assert Message.objects.get().published_at is None
    assert relay.relay_once(publish, SUBSCRIBERS) == 1


@pytest.mark.only_in_proofs
def test_real_workers_given_the_same_message_many_times_charge_once(
    broker: redis.Redis, sandbox: RunningSandbox
) -> None:
    charge = intended_charge()
    for _ in range(10):
        publish("wallet.tasks.charge_funding", {"charge_id": charge.pk, "from_a_newer_release": 1})
    with celery_worker(sandbox):
        wait_until(lambda: waiting_in(broker) == 0 and status(charge) == "succeeded")

    charge.refresh_from_db()
    assert (charge.attempts, len(intents(sandbox))) == (1, 1)


def status(charge: FundingCharge) -> str:
    return FundingCharge.objects.values_list("status", flat=True).get(pk=charge.pk)


def wait_until(holds: object, *, timeout_s: float = 40) -> None:
    until = time.monotonic() + timeout_s
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)
