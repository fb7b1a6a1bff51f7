"""The address of a webhook: what may be entered, and what it leads to at the moment of sending."""

import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from onecard.integrations import addresses
from onecard.integrations.errors import TargetRefusedError
from onecard.kit.masking import masked

LONGEST_URL: Final = 500
PORTS: Final = (443, 8443)
# So many addresses of one name are tried.
MOST_ADDRESSES: Final = 4
NOT_PUBLIC: Final = "The host name leads to no public address."
_NAME: Final = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NO_URL_CHARACTER: Final = re.compile(r"[^!-~]|[\"<>\\^`{|}]")


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address; `path` has the query with it."""

    host: str
    port: int
    path: str
    is_tls: bool


def read(url: str) -> Target:
    """Returns the parts of an address that may be sent to; asks no name server. Raises TargetRefusedError."""
    if len(url) > LONGEST_URL or _NO_URL_CHARACTER.search(url):
        raise TargetRefusedError(
            f"Write an address of at most {LONGEST_URL} plain characters, without blanks; other letters of a host "
            "name are written as xn--…."
        )
    if masked(url) != url:
        raise TargetRefusedError("This holds what looks like a card's number, which is never kept here.")
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        raise TargetRefusedError("This is no address: write it like https://example.com/hooks.") from None
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise TargetRefusedError("Leave user name and password out: the signature shows that it is us.")
    if parts.fragment or url.endswith("#"):
        raise TargetRefusedError("Leave out what follows the #: it is never sent.")
    target = Target(
        host=(parts.hostname or "").lower(),
        port=port if port is not None else (443 if parts.scheme == "https" else 80),
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        is_tls=parts.scheme == "https",
    )
    if not _is_own_machine(target):
        _check_public(target)
    return target


def resolve(target: Target) -> list[str]:
    """Returns the numeric addresses that a target has now, all of them checked; raises TargetRefusedError.

    One that is not public refuses all, so that nobody mixes them. The connection goes to one of these, and the name is
    not looked up again.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TargetRefusedError(NOT_PUBLIC) from None
    numbers = list(dict.fromkeys(str(place[4][0]) for place in found))
    # Which of the two it is would tell a stranger the names of our own network.
    if not numbers or not all(map(_may_be_asked, numbers)):
        raise TargetRefusedError(NOT_PUBLIC)
    if not target.is_tls and not all(map(addresses.is_loopback, numbers)):
        raise TargetRefusedError(NOT_PUBLIC)
    return numbers[:MOST_ADDRESSES]


def _check_public(target: Target) -> None:
    if not target.is_tls:
        raise TargetRefusedError("Use https, so that nobody reads it on the way.")
    if target.port not in PORTS:
        raise TargetRefusedError(f"Use port {' or '.join(map(str, PORTS))}.")
    if not _NAME.fullmatch(target.host):
        raise TargetRefusedError("Write the host as a public name, such as hooks.example.com, not as a number.")
    if target.host.endswith((".localhost", ".local", ".internal", ".home.arpa")):
        raise TargetRefusedError(NOT_PUBLIC)


def _is_own_machine(target: Target) -> bool:
    """For development, where the receiver is on the same machine."""
    is_own = target.host == "localhost" or addresses.is_loopback(target.host)
    return is_own and bool(settings.WEBHOOKS_TO_LOOPBACK)


def _may_be_asked(number: str) -> bool:
    return addresses.is_public(number) or (addresses.is_loopback(number) and bool(settings.WEBHOOKS_TO_LOOPBACK))
