"""What the tests of people's logins share."""

import pytest

from onecard.users.hashers import OneAtATimeArgon2PasswordHasher


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as ever, with the least memory and rounds: a hash costs a tenth of a second on purpose."""
    monkeypatch.setattr(OneAtATimeArgon2PasswordHasher, "time_cost", 1)
    monkeypatch.setattr(OneAtATimeArgon2PasswordHasher, "memory_cost", 8)
