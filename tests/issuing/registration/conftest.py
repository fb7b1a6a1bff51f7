"""One sandbox for the tests of a file, reset before each, and the command as somebody types it."""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from tests.sandbox.running import RunningSandbox, running_sandbox
from tests.support.registrations import PROGRAM, point_to

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
