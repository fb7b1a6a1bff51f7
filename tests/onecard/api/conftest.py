"""What the tests of the whole API share."""

from collections.abc import Iterator

import pytest

from onecard.api import throttles
from onecard.users.hashers import OneAtATimeArgon2PasswordHasher
from tests.onecard.api.world import QUILL, ZORBA, Somebody, everything_served, somebody
from tests.sandbox.running import RunningSandbox


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSandbox]:
    """The issuer and the processor; nobody's requests are too many, and hashes are cheap."""
    monkeypatch.setattr(OneAtATimeArgon2PasswordHasher, "time_cost", 1)
    monkeypatch.setattr(OneAtATimeArgon2PasswordHasher, "memory_cost", 8)
    for scope in throttles.LIMITS:
        monkeypatch.setitem(throttles.LIMITS, scope, (1_000_000, 60))
    with everything_served() as sandbox:
        yield sandbox


@pytest.fixture
def owner(served: RunningSandbox) -> Somebody:
    return somebody(ZORBA)


@pytest.fixture
def stranger(served: RunningSandbox) -> Somebody:
    return somebody(QUILL)
