"""`manage.py relay`: publishes committed messages to the broker until it is stopped."""

import logging
import signal
import threading
from collections.abc import Mapping
from typing import Any

from celery import Celery, current_app
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection
from django.utils.module_loading import import_string

from onecard.kit.clock_tasks import OF_MESSAGES
from onecard.outbox.relay import BrokerAwayError, relay_once

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 5.0
MOST_DOUBLINGS = 16


class Command(BaseCommand):
    help = "Hands committed outbox messages to the Celery broker until it is stopped (Ctrl-C or SIGTERM)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--idle-ms", type=int, default=50, help="pause when nothing waits, in milliseconds (50)")
        parser.add_argument("--once", action="store_true", help="publish what waits now, then end")

    def handle(self, *, idle_ms: int, once: bool, **_options: Any) -> None:
        stop = threading.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda _signum, _frame: stop.set())
        failures = 0
        while not stop.is_set():
            sent = self._relay_batch()
            failures = 0 if sent is not None else failures + 1
            if once:
                break
            if not sent:
                stop.wait(pause_s(idle_ms, failures))

    def _relay_batch(self) -> int | None:
        """Publishes one batch; returns None if it failed. The relay never gives up: it waits for what is down."""
        try:
            for source in current_app.conf.get("outbox_sources", ()):
                import_string(source)()
            return relay_once(publish, current_app.conf.get("outbox_subscribers"))
        except BrokerAwayError as error:
            log.warning("%s; trying again.", error.message)
        except DatabaseError as error:
            log.warning("The database does not answer (%s); trying again.", error)
            connection.close()
        return None


def pause_s(idle_ms: int, failures: int) -> float:
    """Returns the seconds until the next batch: doubling with each failed one, up to the longest."""
    # A float can overflow: an outage of hours must not stop the relay.
    doublings = min(failures, MOST_DOUBLINGS)
    return float(min(idle_ms / 1000 * 2**doublings, LONGEST_WAIT_S))


def publish(task: str, payload: Mapping[str, object], *, app: Celery | None = None) -> None:
    """Publishes one task, behind those of the clock; raises when the broker does not take it within its timeouts."""
    (app or current_app).send_task(task, kwargs=dict(payload), retry=False, priority=OF_MESSAGES)
