"""What the tests of logins share."""

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from onecard.users.hashers import OneAtATimeArgon2PasswordHasher


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as ever, with the least memory and rounds: a hash costs a tenth of a second on purpose."""
    monkeypatch.setattr(OneAtATimeArgon2PasswordHasher, "time_cost", 1)
    monkeypatch.setattr(OneAtATimeArgon2PasswordHasher, "memory_cost", 8)


@pytest.fixture
def costly_hashes(cheap_hashes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Production's memory and rounds, for a test in which logins wait for each other."""
    for cost in ("time_cost", "memory_cost"):
        monkeypatch.setattr(OneAtATimeArgon2PasswordHasher, cost, getattr(Argon2PasswordHasher, cost))
