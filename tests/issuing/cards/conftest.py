"""An issuer behind real HTTP, for tests of card changes."""

from collections.abc import Iterator

import pytest

from issuing.issuers import registry
from issuing.issuers.guard.breaker import close_breaker
from issuing.issuers.guard.client import GuardedIssuer, RetryPolicy
from tests.issuing.cards.remote_issuers import ISSUERS
from tests.issuing.issuers.worlds import READ_TIMEOUT_S, sandbox_for_issuers
from tests.sandbox.running import RunningSandbox


@pytest.fixture(scope="module")
def served() -> Iterator[RunningSandbox]:
    with sandbox_for_issuers() as sandbox:
        yield sandbox


@pytest.fixture(params=sorted(ISSUERS))
def provider(request: pytest.FixtureRequest, served: RunningSandbox) -> Iterator[str]:
    """An issuer that behaves, whose calls are sent once each, so that an attempt is one request."""
    served.sandbox.scenarios.clear()
    registry.clear()
    close_breaker(request.param)
    registry.install(GuardedIssuer(ISSUERS[request.param](read_timeout_s=READ_TIMEOUT_S), retries=RetryPolicy(tries=1)))
    yield request.param
    served.release()
    close_breaker(request.param)
    registry.clear()
