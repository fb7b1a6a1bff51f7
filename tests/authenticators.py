"""A phone with an authenticator app, for tests."""

import time
from base64 import b32decode

from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from onecard.users.models import User


class Authenticator:
    """Gives the codes of a key; `later` counts half minutes from now, and the next one is accepted too."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    @classmethod
    def typed_from(cls, page_key: str) -> "Authenticator":
        return cls(b32decode(page_key.replace(" ", "")))

    @classmethod
    def of(cls, user: User) -> "Authenticator":
        """Enrols a device without the pages."""
        return cls(TOTPDevice.objects.create(user=user, name="Phone", confirmed=True).bin_key)

    def code(self, later: int = 0) -> str:
        totp = TOTP(self.key)
        totp.time = time.time() + 30 * later
        return f"{totp.token():06d}"

    def wrong_code(self) -> str:
        """Six digits that none of the accepted half minutes gives."""
        taken = {self.code(later) for later in (-2, -1, 0, 1, 2)}
        return next(f"{number:06d}" for number in range(10) if f"{number:06d}" not in taken)
