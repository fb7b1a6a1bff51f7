"""Behind a backlog of messages that stands for longer than its interval, what the clock starts is done all the same."""

import time
from collections.abc import Iterator

import pytest
import redis
from django.core.cache import cache

from onecard.celery import app
from onecard.desk.models import TaskRun
from onecard.outbox.management.commands.relay import publish
from tests.faults.test_broker_faults import broker, waiting_in
from tests.onecard.dev.processes import eventually
from tests.sandbox.running import RunningSandbox
from tests.support.sandboxes import processor_sandbox
from tests.support.workers import celery_worker

__all__ = ["broker"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs, pytest.mark.timeout(180)]
SWEEPS = ("wallet.tasks.sweep_funding", "issuing.tasks.sweep_inbox", "onecard.alerts.tasks.evaluate")
BACKLOG = 5000


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def publish_by_clock(task: str) -> None:
    """As beat does it."""
    (entry,) = [each for each in app.conf.beat_schedule.values() if each["task"] == task]
    app.send_task(task, **entry["options"])


def test_sweeps_run_while_a_backlog_stands(broker: redis.Redis, sandbox: RunningSandbox) -> None:
    for _ in range(BACKLOG):
        # Nothing is there to charge, which takes a worker a moment.
        publish("wallet.tasks.charge_funding", {"charge_id": 0})
    with celery_worker(sandbox):
        assert eventually(lambda: waiting_in(broker) < BACKLOG)
        for task in SWEEPS:
            publish_by_clock(task)
        assert eventually(lambda: TaskRun.objects.filter(task__in=SWEEPS).count() == len(SWEEPS), within_s=15)
        left = waiting_in(broker)
    print(f"{left} of {BACKLOG} messages waited when {len(SWEEPS)} tasks of the clock had run")
    assert left > BACKLOG / 2


def test_a_sweep_that_is_under_way_is_not_begun_again(broker: redis.Redis, sandbox: RunningSandbox) -> None:
    cache.set(f"running:{SWEEPS[0]}", "another worker's", timeout=100)
    publish("wallet.tasks.charge_funding", {"charge_id": 0})
    with celery_worker(sandbox):
        assert eventually(lambda: not waiting_in(broker))
        publish_by_clock(SWEEPS[0])
        publish_by_clock(SWEEPS[1])
        assert eventually(lambda: TaskRun.objects.filter(task=SWEEPS[1]).exists())
        time.sleep(1)
        assert cache.get(f"running:{SWEEPS[0]}") == "another worker's"
        assert cache.get(f"running:{SWEEPS[1]}") is None
