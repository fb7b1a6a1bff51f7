"""Password hashing that leaves the machine's cores to others: one at a time in a process.

A hash takes all cores for a tenth of a second, on purpose. Many wrong logins at once would otherwise slow down every
purchase on the machine; so they wait for each other, and not the purchases for them.
"""

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

_one_at_a_time = threading.Lock()


class OneAtATimeArgon2PasswordHasher(Argon2PasswordHasher):
    """Django's, with one hash under way in this process; stored passwords are the same."""

    # Django's eight lanes would be eight threads on every core; the cost to a guesser is the memory and the rounds.
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """As Django's, when its turn has come."""
        with _one_at_a_time:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """As Django's, when its turn has come."""
        with _one_at_a_time:
            return super().verify(password, encoded)
