"""How the queue's workers use the database."""

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
