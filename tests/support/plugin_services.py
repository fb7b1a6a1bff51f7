"""Gives a test run its own PostgreSQL and Redis and a safe environment, before Django's settings are read.

Loaded with `-p tests.support.plugin_services`. Only the process that the person started does it; the workers of
xdist inherit what it set.
"""

import base64
import gc
import os
import secrets
from collections.abc import Generator
from contextlib import ExitStack

import pytest

from onecard.dev.errors import LauncherError
from onecard.dev.services import private_services
from tests.support import lengths, migrated_cluster, template_database

# A test leaves little garbage; Python's own thresholds (700, 10, 10) look for it all the time.
GARBAGE_THRESHOLDS = (10_000, 20, 20)
# Each has a Redis database, of which there are 16, and up to fifteen of the 200 connections.
WORKERS_MOST = 12


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None]:
    """A wrapper, so that it comes before pytest-django, which reads the settings in this same hook."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ.update(_safe_environment())
        if not {"-h", "--help", "-V", "--version"} & set(args):
            _start_services(early_config)
    else:
        # Workers share one Redis server, so each takes a database of its own in it.
        server, _, number = os.environ["REDIS_URL"].rpartition("/")
        worker = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        os.environ["REDIS_URL"] = f"{server}/{int(number or 0) + worker + 1}"
    return (yield)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half more than cores, since a test waits for servers and threads a third of its time; for proofs the cores.

    Among the proofs are purchases that must be in time while everything is busy.
    """
    cores = os.cpu_count() or 1
    return min(cores if lengths.ARE_PROOFS else cores + (cores + 1) // 2, WORKERS_MOST)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collected tests and imported modules stay until the end: looking for garbage among them takes seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        gc.enable()


def _start_services(config: pytest.Config) -> None:
    stack = ExitStack()
    config.add_cleanup(stack.close)
    is_given = "DATABASE_URL" in os.environ
    try:
        copy_of = None if is_given else migrated_cluster.kept_data()
        services = stack.enter_context(private_services("test", copy_of=copy_of))
    except LauncherError as error:
        raise pytest.UsageError(str(error)) from error
    os.environ["DATABASE_URL"] = services.database_url
    os.environ["REDIS_URL"] = services.redis_url
    os.environ[template_database.IS_THERE] = "" if is_given else "yes"


def _safe_environment() -> dict[str, str]:
    """Nothing here reaches a real issuer, nor a stack that runs beside the tests."""
    return {
        "ONECARD_STACK_FILE": "",
        "DEBUG": "off",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SECOND_FACTOR_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "CARD_DATA_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        # Port 9 discards; tests keep mails in memory.
        "EMAIL_URL": "smtp://127.0.0.1:9",
        "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
        # Many purchases in a moment look like fraud, and would open cases: tests that want hooks name them.
        "FRAUD_HOOKS": "",
        "ISSUER_PROVIDER": "stripe",
        "STRIPE_API_KEY": "sk_test_sandbox",
        # Port 9 discards: a call that a test forgot to catch fails at once instead of leaving the machine.
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        # The budget is counted, and nobody waits for it: at the default each call of an issuer waits up to 50 ms.
        "STRIPE_CALLS_PER_SECOND": "10000",
        "MARQETA_CALLS_PER_SECOND": "10000",
        "STRIPE_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(24)}",
        **{f"MARQETA_{door}_USERNAME": f"marqeta_{door.lower()}" for door in ("JIT", "WEBHOOK")},
        **{f"MARQETA_{door}_PASSWORD": f"Aa1!{secrets.token_hex(16)}" for door in ("JIT", "WEBHOOK")},
        "MARQETA_WEBHOOK_SECRET": f"Aa1!{secrets.token_hex(16)}",
    }
