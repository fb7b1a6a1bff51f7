"""What every test shares."""

from collections.abc import Iterator

import pytest

from issuing.issuers import alerts, registry
from issuing.issuers.shared import shared
from routing import rulebook


@pytest.fixture(autouse=True)
def _fresh_rulebook() -> None:
    """Each test starts like a new process: nothing compiled."""
    rulebook._compiled = None


@pytest.fixture(autouse=True)
def _fresh_issuers() -> Iterator[None]:
    """No client that points at an earlier test's sandbox, no breaker that its end has opened, no budget used up."""
    registry.clear()
    yield
    if shared.cache_info().currsize:
        link = shared()._redis
        if keys := list(link.scan_iter("onecard:issuer:*")):
            link.delete(*keys)
    registry.clear()
    alerts._told_at.clear()
