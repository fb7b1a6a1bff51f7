"""How the queue's workers use the database, and which queue has what."""

import pytest
from celery.fixups.django import DjangoWorkerFixup
from django.db import connection

from onecard.celery import app, renew_old_connections


def test_a_worker_keeps_its_connection_from_task_to_task() -> None:
    assert DjangoWorkerFixup(app).db_reuse_max == app.conf.CELERY_DB_REUSE_MAX > 1000


@pytest.mark.django_db(transaction=True)
def test_a_broken_connection_is_replaced_before_the_next_task() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (before,) = cursor.fetchone()
    connection.connection.close()
    connection.errors_occurred = True

    renew_old_connections()

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (before,)


def test_webhooks_have_a_queue_of_their_own_and_a_plain_worker_takes_both() -> None:
    assert [queue.name for queue in app.amqp.queues.consume_from.values()] == ["celery", "webhooks"]
    for name in ("send_webhook", "sweep_webhooks"):
        assert app.amqp.router.route({}, f"onecard.integrations.tasks.{name}")["queue"].name == "webhooks"
    assert app.amqp.router.route({}, "wallet.tasks.charge_funding")["queue"].name == "celery"
