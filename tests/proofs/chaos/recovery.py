"""How long each process takes to do its work again after a fault has ended, without anybody's help.

The harness asks past the proxies. A part does its work again when it shows what it can only have done since then.
"""

import datetime as dt
import http.client
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import redis
from celery import Celery
from celery.exceptions import TimeoutError as CeleryTimeoutError
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from onecard.dev.stack import READY_PATH
from tests.proofs.chaos.load import Load
from tests.proofs.chaos.places import WEBS, WORKERS, Places, worker_address

# Whoever takes longer has not recovered by itself. Mostly it is the start of a process: on a machine so busy that the
# whole product needs longer than half of this to start, the bound is twice that time.
WITHIN_S: Final = 90.0
LOOK_EVERY_S: Final = 0.2
# A worker of one process answers between two tasks.
PING_S: Final = 3.0
PUBLISHED = "SELECT EXISTS (SELECT FROM outbox_message WHERE published_at > to_timestamp(%s))"
# The clock sends these every five seconds, and each ends unread five seconds after it was sent.
OFTEN: Final = (
    "issuing.tasks.sweep_decision_notices",
    "wallet.tasks.sweep_funding",
    "wallet.tasks.sweep_refunds",
)
OFTEN_S: Final = 5.0
# The shortest fault is two seconds, so three seconds after its end none of them was sent before it. Each worker notes
# their end every ten seconds at most.
ENDED = """
SELECT EXISTS (SELECT FROM desk_taskrun WHERE finished_at > to_timestamp(%s) + interval '3 seconds'
    AND task = ANY (%s))
"""
QUEUE: Final = "celery"
PURCHASES: Final = "purchases at "

Probe = Callable[[float], bool]


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from the fault's end by process; None where it did not recover within `within_s`."""

    seconds: Mapping[str, float | None]
    within_s: float = WITHIN_S

    @property
    def failed(self) -> list[str]:
        """Those that did not recover in time."""
        return [name for name, found in self.seconds.items() if found is None]


def probes(places: Places, load: Load) -> dict[str, Probe]:
    """Returns for each process how to see that it has done work since a moment, in seconds since 1970."""
    # The product's own queue stays the one that this process works with.
    workers = Celery(broker=places.redis_url, set_as_current=False)
    workers.conf.broker_transport_options = {"socket_timeout": 2, "socket_connect_timeout": 1}
    return {
        **{name: lambda _since, url=places.urls[name]: _is_ready(url) for name in WEBS},  # type: ignore[misc]
        f"{PURCHASES}stripe": lambda since: load.seen.approved_at.get("stripe", 0.0) > since,
        f"{PURCHASES}marqeta": lambda since: load.seen.approved_at.get("marqeta", 0.0) > since,
        "relay": lambda since: _is_true(places, PUBLISHED, since),
        "clock": lambda since: _has_sent(places, since) or _is_true(places, ENDED, since, list(OFTEN)),
        **{name: lambda _since, name=name: _answers(workers, name) for name in WORKERS},  # type: ignore[misc]
    }


def bound_s(started_in_s: float) -> float:
    """Returns how long a recovery may take on a machine where the whole product started in so many seconds."""
    return max(WITHIN_S, 2 * started_in_s)


def measure(asked: Mapping[str, Probe], *, since: float, within_s: float) -> Recovery:
    """Waits until all of them work again, or the time is over."""
    with ThreadPoolExecutor(len(asked)) as pool:
        found = pool.map(lambda probe: _wait(probe, since, within_s), asked.values())
        return Recovery(dict(zip(asked, found, strict=True)), within_s)


def _wait(probe: Probe, since: float, within_s: float) -> float | None:
    while time.time() - since < within_s:
        if probe(since):
            return time.time() - since
        time.sleep(LOOK_EVERY_S)
    return None


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + READY_PATH, timeout=2) as answer:  # noqa: S310  (our own loopback address)
            return bool(answer.status == http.client.OK)
    except (OSError, http.client.HTTPException):
        return False


def _has_sent(places: Places, since: float) -> bool:
    """Whether a task that the clock sent since then waits in the queue; a worker may have been faster."""
    try:
        with redis.Redis.from_url(places.redis_url, socket_timeout=2) as broker:
            waiting = [json.loads(each)["headers"] for each in broker.lrange(QUEUE, 0, -1)]
    except RedisError:
        return False
    ends = (each["expires"] for each in waiting if each["task"] in OFTEN)
    return any(dt.datetime.fromisoformat(each).timestamp() > since + OFTEN_S for each in ends)


def _is_true(places: Places, sql: str, *values: Any) -> bool:
    try:
        with connected(places) as link:
            row: Any = link.execute(sql, values).fetchone()
            return bool(row[0])
    except psycopg.Error:
        return False


def connected(places: Places) -> psycopg.Connection[Any]:
    """Returns a connection of the harness's own, past the proxy."""
    parts = urlsplit(places.database_url)
    name = parts.path.rpartition("/")[2]
    return psycopg.connect(
        host=str(places.sockets), user=parts.username, dbname=name, autocommit=True, connect_timeout=2
    )


def _answers(workers: Celery, name: str) -> bool:
    try:
        return bool(workers.control.ping(destination=[worker_address(name)], timeout=PING_S))
    except (OSError, RedisError, KombuError, CeleryTimeoutError):
        return False
