"""Brokers that are not there, reached with the product's own settings."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery, current_app

from onecard.outbox.management.commands.relay import publish
from onecard.outbox.relay import Publish

CARRIED = ("broker_transport_options", "broker_connection_timeout", "task_publish_retry", "task_serializer")


@contextmanager
def publishing_to(url: str) -> Iterator[Publish]:
    """The relay's own way to publish, to another broker."""
    with Celery("elsewhere", broker=url, set_as_current=False) as app:
        app.conf.update({name: current_app.conf[name] for name in CARRIED})
        yield functools.partial(publish, app=app)
