"""Password hashing that leaves cores to other work: one hash at a time in a process.

A hash uses all cores for a tenth of a second, on purpose. Many wrong logins at once would slow down every purchase on
the machine, so logins wait for each other.
"""

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

_one_at_a_time = threading.Lock()


class OneAtATimeArgon2PasswordHasher(Argon2PasswordHasher):
    """Django's, with one hash under way in this process; stored passwords are the same."""

    # Django's eight lanes would be eight threads on every core. Memory and rounds make guessing expensive.
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Encodes as Django's hasher, one at a time."""
        with _one_at_a_time:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Verifies as Django's hasher, one at a time."""
        with _one_at_a_time:
            return super().verify(password, encoded)
