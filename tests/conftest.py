"""What every test shares."""

import functools
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest
from django.core.cache import cache, caches
from django.db import connection, connections
from django.test import TransactionTestCase, override_settings
from hypothesis import HealthCheck, settings
from redis import Redis
from whitenoise.middleware import WhiteNoiseMiddleware

from issuing.authorizations import unknown_commits
from issuing.controls import compiled
from issuing.issuers import registry
from issuing.issuers.guard import alerts
from issuing.issuers.guard.redis_scripts import PREFIX
from issuing.webhooks import refused_signatures
from onecard.kit import log_context
from routing import rulebook
from tests.support import lengths, snapshots, time_limits
from tests.support.template_database import migrated_template

# `make proofs` tries four times as many. How quick an example is made depends on what else the machine does.
EXAMPLES = 25 if lengths.IS_SUITE else 100
settings.register_profile(
    "any machine", parent=settings.default, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest tests, which have a timeout of their own, come first: at the end a core would wait for them."""
    if lengths.IS_SUITE:
        left_out = set(lengths.left_out_of_suite(items))
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer() -> Iterator[None]:
    """A test whose time is over ends at once: Hypothesis would try further examples on what the first one left."""
    is_set = yield
    time_limits.let_none_be_caught()
    return is_set


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: Any) -> None:
    """Each worker's database is a copy of one that was migrated once."""
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template()
    # A dozen racing threads on a busy machine wait for each other longer than five seconds.
    options = connection.settings_dict["OPTIONS"]
    options["options"] = options["options"].replace("lock_timeout=5s", "lock_timeout=60s")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Tests that commit leave the tables as they were at the start, by our own quick way where it is possible."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        if not snapshots.are_possible():
            yield
            return
        with closing(snapshots.Snapshot.take("as_at_the_start")) as start:
            patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: start.put_back_without_gaps())
            # A new connection costs as much as a small test. One that a test left unusable is closed all the same.
            patch.setattr(TransactionTestCase, "_should_reload_connections", lambda _case: not _is_usable(connection))
            yield


def _is_usable(connection: Any) -> bool:
    link = connection.connection
    return link is None or (not link.closed and link.info.transaction_status == psycopg.pq.TransactionStatus.IDLE)


@pytest.fixture(autouse=True, scope="session")
def _static_files_found_once() -> Iterator[None]:
    """Every test client makes the middleware anew, which would look at each static file on the disk again."""
    find = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def find_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", find_once)
        yield


@pytest.fixture(autouse=True, scope="session")
def _deadline_of_any_machine() -> Iterator[None]:
    """A question is answered in time however slow the machine is; a test of the deadline sets its own."""
    with override_settings(DECISION_DEADLINE_MS=30_000):
        yield


@pytest.fixture
def usual_deadline() -> Iterator[None]:
    """The deadline that an environment without the variable has."""
    with override_settings(DECISION_DEADLINE_MS=1000):
        yield


@pytest.fixture(autouse=True)
def _fresh_rulebook() -> None:
    """Each test starts like a new process: nothing compiled."""
    rulebook.forget()
    compiled.forget()


@pytest.fixture(autouse=True)
def _no_ids_bound() -> Iterator[None]:
    """No line or message of a test names the purchase of another one."""
    with log_context.fresh():
        yield


@pytest.fixture(scope="session")
def redis_of_the_run() -> Iterator[Redis]:
    """The Redis database of this worker of the test run, asked without a time limit."""
    with Redis.from_url(os.environ["REDIS_URL"]) as link:
        yield link


@pytest.fixture(autouse=True)
def _fresh_issuers(redis_of_the_run: Redis) -> Iterator[None]:
    """No client that points at an earlier test's sandbox, no breaker that its end has opened, no budget used up."""
    registry.clear()
    refused_signatures.forget()
    yield
    registry.clear()
    # Whoever opened a breaker: this process, or one that the test started.
    if keys := list(redis_of_the_run.scan_iter(f"{PREFIX}*")):
        redis_of_the_run.delete(*keys)
    alerts.forget_given()


@pytest.fixture(autouse=True)
def _settled_commits(_django_db_marker: None) -> Iterator[None]:
    """What a test left in doubt is settled before its tables are emptied: the database's own fixture ends later."""
    yield
    assert unknown_commits.wait_until_resolved(20), "a doubtful commit is still followed up 20 seconds after the test"


@pytest.fixture(autouse=True)
def _usable_connection(_django_db_marker: None) -> Iterator[None]:
    """A connection that was given up on is replaced before tables are emptied, as it is between two requests."""
    yield
    if "default" in connections.databases and hasattr(connections._connections, "default"):
        link = connections["default"]
        if link.connection is not None and link.connection.closed and not link.in_atomic_block:
            link.close()


@pytest.fixture(autouse=True)
def _no_login_counted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Wrong logins and used codes of earlier tests are forgotten; only where something was counted."""
    yield
    # A change of settings.CACHES, and the way back, forget that there was a connection.
    was_changed = "settings" in request.fixturenames
    if was_changed or ("default" in caches._settings and hasattr(caches._connections, "default")):
        cache.clear()


@pytest.fixture
def our_server(transactional_db: None, live_server: Any) -> Iterator[str]:
    """The address of a real web server of ours; what it still answers at the end is waited for.

    A caller that gave up leaves its request behind, and that would write into tables that are being emptied.
    """
    server = live_server.thread.httpd
    server.daemon_threads = False  # Only such threads are remembered.
    _warm_up(live_server.url)
    yield live_server.url
    _accept_all_so_far(live_server.url)
    for answering in list(vars(server).get("_threads") or ()):
        answering.join(10)
        assert not answering.is_alive(), "our web server still answers a request ten seconds after the test"


@functools.cache
def _warm_up(url: str) -> None:
    """Asks a new server once for its health, as `onecard.asgi` does: else the first purchase loads every page, late."""
    with suppress(HTTPError), urlopen(f"{url}/health/ready", timeout=30):  # noqa: S310 (our own address)
        pass


def _accept_all_so_far(url: str) -> None:
    # Connections are taken up in their order: once this one is answered, every earlier one has its thread.
    with suppress(HTTPError), urlopen(f"{url}/no-such-page", timeout=10):  # noqa: S310 (our own address)
        pass
