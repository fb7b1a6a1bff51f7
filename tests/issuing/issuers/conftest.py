"""One sandbox for all tests of a file, reset before each: starting it is what takes time."""

from collections.abc import Iterator

import pytest

from tests.issuing.issuers.worlds import PROVIDERS, READ_TIMEOUT_S, World, sandbox_for_issuers, world_of
from tests.sandbox.running import RunningSandbox


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with sandbox_for_issuers() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: RunningSandbox) -> RunningSandbox:
    served.reset()
    return served


@pytest.fixture(params=PROVIDERS)
def world(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> World:
    return world_of(request.param, sandbox, page_size=2)


@pytest.fixture(params=["stripe", "marqeta"])
def remote(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> World:
    """The two that go over the network, so that the failure table means something."""
    return world_of(request.param, sandbox, read_timeout_s=READ_TIMEOUT_S)
