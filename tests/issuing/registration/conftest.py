"""One sandbox for the tests of a file, reset before each, and the command as somebody types it."""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from tests.issuing.issuers.worlds import marqeta_settings
from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.sandbox.settings import MarqetaSettings

# Nobody listens there, so a look at our own address costs no time and asks nobody outside.
ADDRESS = "https://127.0.0.1:9"
PROGRAM = MarqetaSettings()
Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with running_sandbox(webhook_url=None, marqeta=PROGRAM) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: RunningSandbox, settings: Settings) -> RunningSandbox:
    served.reset()
    point_to(served, settings)
    return served


@pytest.fixture
def sandbox_of_its_own(our_server: str, settings: Settings) -> Iterator[RunningSandbox]:
    """It ends before our server does, which waits for its last connection."""
    with running_sandbox(webhook_url=None, marqeta=PROGRAM) as sandbox:
        point_to(sandbox, settings)
        yield sandbox


def point_to(served: RunningSandbox, settings: Settings) -> None:
    """Makes the settings those of a product whose issuers are this sandbox, with passwords of its own."""
    settings.STRIPE_API_BASE, settings.STRIPE_API_KEY = served.url, served.sandbox.settings.api_key
    for name, value in marqeta_settings(served, PROGRAM).items():
        setattr(settings, name, value)
    settings.MARQETA_JIT_USERNAME, settings.MARQETA_JIT_PASSWORD = "our_gateway", "Our-Gateway-Password-2"
    settings.MARQETA_WEBHOOK_USERNAME, settings.MARQETA_WEBHOOK_PASSWORD = "our_webhook", "Our-Webhook-Password-3"
    settings.MARQETA_WEBHOOK_SECRET = "Our-Webhook-Secret-44"
    settings.PUBLIC_URL = ADDRESS
    settings.ISSUER_BACKUP_PROVIDER = ""


@pytest.fixture
def run() -> Run:
    """Runs connect_issuer; returns what it wrote, and the sentence that it ended with if it failed."""

    def run(*words: str, **options: Any) -> tuple[str, str]:
        out = StringIO()
        try:
            call_command("connect_issuer", *words, stdout=out, **options)
        except CommandError as error:
            return out.getvalue(), str(error)
        return out.getvalue(), ""

    return run
