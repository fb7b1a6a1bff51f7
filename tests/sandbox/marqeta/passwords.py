"""What Marqeta asks of the passwords it shall send, and of the addresses it shall call."""

import string
from urllib.parse import urlsplit

from tests.sandbox.marqeta.errors import ApiError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_password(path: str, password: str, *, most: int) -> None:
    """Insist on 20 letters or more with upper case, lower case, a digit and a symbol; raises ApiError."""
    kinds = (string.ascii_uppercase, string.ascii_lowercase, string.digits, string.punctuation)
    if not 20 <= len(password) <= most or not all(set(password) & set(kind) for kind in kinds):
        message = f"{path} must have 20 to {most} letters with upper case, lower case, a digit and a symbol."
        raise ApiError(message, detail=15)


def check_url(path: str, url: str) -> None:
    """Insist on https, but for a server on this machine; raises ApiError."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ApiError(f"{path} must be an https address.", detail=16)
