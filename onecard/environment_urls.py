"""Checks the URLs of the environment strictly, since a password with special characters makes another URL of them.

`postgres://u:pa?ss@host/db` is read by most parsers as the host `u` with the port `pa`; each library then fails in its
own way, many with the password in their error. No message here holds any part of the value.
"""

import re
from typing import NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

WEB = ("https", "http")
POSTGRES = ("postgres", "postgresql")
REDIS = ("redis", "rediss")
# Without a host of their own: a socket's path, or mail that leaves nowhere.
HOSTLESS = ("unix", "redis+socket", "consolemail", "filemail", "memorymail", "locmemmail", "dummymail")
HOST = re.compile(r"[A-Za-z0-9._%,-]+|[0-9a-f:.]+")
ENCODE = "Write special characters of a user name or password percent-encoded, such as %40 for @ and %23 for #."


def checked_url(name: str, text: str, *, schemes: tuple[str, ...]) -> SplitResult:
    """The parts of a URL that can be meant in one way only; raises ImproperlyConfigured with the variable's name."""
    if not text.isascii() or not text.isprintable() or " " in text:
        _refuse(name, "it holds a blank, a line end or a character that is not plain ASCII")
    if set(text) & set("\"'`<>\\^{}|"):
        _refuse(name, "it holds quotes or brackets")
    parts = _split(name, text)
    if parts.scheme not in schemes:
        wanted = " or ".join(f"{scheme}://" for scheme in schemes[:4])
        raise ImproperlyConfigured(f"{name} must be a URL that starts with {wanted}.")
    _check_host(name, parts)
    _check_rest(name, text, parts)
    return parts


def passwords_of(parts: SplitResult) -> list[str]:
    """What of a URL is secret: its password, as it stands and decoded, and those among its options."""
    options = [value for option, value in parse_qsl(parts.query) if "pass" in option.lower()]
    return [text for each in (parts.password or "", *options) if each for text in (each, unquote(each))]


def _split(name: str, text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        # Its message would quote the value: an unmatched bracket, or a port that is none.
        parts, is_port = SplitResult("", "", "", "", ""), False
    if not is_port:
        _refuse(name, "its host or its port cannot be read")
    return parts


def _check_host(name: str, parts: SplitResult) -> None:
    if parts.scheme in HOSTLESS:
        return
    host = parts.hostname or ""
    # PostgreSQL's socket stands in the path: postgres://user@//folder/name.
    is_socket = parts.scheme in POSTGRES and not host and parts.path.startswith("/")
    if not is_socket and not HOST.fullmatch(host):
        _refuse(name, "it has no host that could be called")


def _check_rest(name: str, text: str, parts: SplitResult) -> None:
    if "#" in text:
        _refuse(name, "it holds a #")
    if "@" in parts.path or "@" in parts.query:
        _refuse(name, "it holds a / or ? before its host")
    if parts.scheme in WEB and (parts.username is not None or parts.password is not None or "?" in text):
        _refuse(name, "it holds a user, a password or a query, which the address of an API has not")
    if parts.scheme in POSTGRES and not parts.path.rstrip("/").rpartition("/")[2]:
        _refuse(name, "it names no database after its host")
    if parts.scheme in REDIS and not re.fullmatch(r"/?[0-9]{0,4}", parts.path):
        _refuse(name, "after its host there must be the number of a database, or nothing")
    _check_query(name, parts.query)


def _check_query(name: str, query: str) -> None:
    """Options, each as name=value: anything else is the rest of a password."""
    try:
        pairs = parse_qsl(query, strict_parsing=True, keep_blank_values=True) if query else []
    except ValueError:
        pairs = [("", "")]
    if not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]*", option) for option, _value in pairs):
        _refuse(name, "what follows its ? is no list of options")


def _refuse(name: str, why: str) -> NoReturn:
    raise ImproperlyConfigured(f"{name} is not a usable URL: {why}. {ENCODE}")
