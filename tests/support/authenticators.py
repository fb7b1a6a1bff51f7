"""A phone with an authenticator app, for tests."""

import time

from allauth.mfa.models import Authenticator as Row
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, hotp_value

from onecard.second_factor.seeds import open_seed, seeds_of
from onecard.users.models import User

_given: dict[str, set[str]] = {}


class Authenticator:
    """Gives the codes of a key; `later` counts half minutes from now, and the next one is accepted too."""

    def __init__(self, key: str) -> None:
        self.key = key

    @classmethod
    def typed_from(cls, page_key: str) -> "Authenticator":
        return cls(page_key.replace(" ", ""))

    @classmethod
    def of(cls, user: User) -> "Authenticator":
        """Enrols a device without the pages, or makes another phone with the key that the person has."""
        with seeds_of(user):
            row = Row.objects.filter(user=user, type=Row.Type.TOTP).first()
            if row is None:
                TOTP.activate(user, key := generate_totp_secret())
                return cls(key)
            return cls(open_seed(row.data["secret"]))

    def code(self, later: int = 0) -> str:
        return f"{hotp_value(self.key, int(time.time()) // 30 + later):06d}"

    def fresh_code(self) -> str:
        """A code of this key that no test has asked for yet: each is good once."""
        code = next(
            code for later in (0, 1, -1) if (code := self.code(later)) not in _given.setdefault(self.key, set())
        )
        _given[self.key].add(code)
        return code

    def wrong_code(self) -> str:
        """Six digits that none of the accepted half minutes gives."""
        taken = {self.code(later) for later in (-2, -1, 0, 1, 2)}
        return next(f"{number:06d}" for number in range(10) if f"{number:06d}" not in taken)
