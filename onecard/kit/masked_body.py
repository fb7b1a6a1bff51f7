"""The bytes of a delivery as they may be stored: tokens with a card's number or code are covered, all others stay.

The body is read token by token, so every other byte stays as it came, repeated members included, and JSON stays JSON.
What is no JSON is covered as one text.
"""

import json
import re
from typing import Any, Final

import msgspec
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from onecard.kit.card_data_scan import holds_no_card_data
from onecard.kit.masking import inherited, is_secret_name, masked, masked_value, may_need_cover

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+\-]*|[{}\[\],:]', re.DOTALL)


class Evidence(msgspec.Struct, frozen=True):
    """What is kept of a delivery; `original_mac` tells which bytes came where it is not these, and is "" otherwise."""

    body: bytes
    original_mac: str = ""


@sensitive_variables()
def evidence_of(body: bytes) -> Evidence:
    """Returns the body with card numbers covered and codes removed.

    If that changed anything, it comes with a MAC that proves which bytes arrived.
    """
    kept = masked_body(body)
    return Evidence(body) if kept == body else Evidence(kept, mac_of(body))


@sensitive_variables()
def mac_of(body: bytes) -> str:
    """Proves to whoever has the original bytes and our SECRET_KEY that they are what came.

    A plain hash would tell the number to whoever has the rest of the body: there are few enough numbers to try.
    """
    return salted_hmac("issuing.evidence", body, algorithm="sha256").hexdigest()


@sensitive_variables()
def masked_body(body: bytes) -> bytes:
    """Returns the body without card numbers and codes; applied twice, it changes nothing more."""
    return body if holds_no_card_data(body) else covered(body)


@sensitive_variables()
def covered(body: bytes) -> bytes:
    encoding = json.detect_encoding(body)
    text = _decoded(body, encoding)
    if text is None or not _is_json(text):
        encoding, text = "utf-8", body.decode("utf-8", "surrogateescape")
        return masked(text).encode("utf-8", "surrogateescape")
    covered = _Reader().cover(text) if may_need_cover(text) else text
    # Python's own utf-16 would write a byte order mark of its own.
    return body if covered == text else covered.encode(encoding, "surrogatepass")


def _decoded(body: bytes, encoding: str) -> str | None:
    try:
        return body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return False
    return True


MARKS: Final = frozenset("{}[],:")


class _Reader:
    """Where in the JSON a token stands: the name that it stands under, and whether it is a name itself."""

    def __init__(self) -> None:
        # For each object or array around: whether it is an object, and the name that it stands under.
        self.around: list[tuple[bool, str]] = []
        self.name = ""
        self.is_name = False

    def cover(self, text: str) -> str:
        return _TOKEN.sub(lambda token: self._take(token[0]), text)

    def _take(self, token: str) -> str:
        if token in MARKS:
            self._move(token)
            return token
        if self.is_name:
            self.name = inherited(self._outer(), str(json.loads(token)))
            return _written(token, masked(json.loads(token)))
        # Most tokens are too short to hold a number or a named code.
        if len(token) < 8 and not is_secret_name(self.name):
            return token
        value = json.loads(token, parse_float=str, parse_int=str)
        return _written(token, masked_value(value, self.name))

    def _move(self, mark: str) -> None:
        if mark in "{[":
            self.around.append((mark == "{", self.name))
            self.is_name = mark == "{"
        elif mark in "}]":
            _is_object, self.name = self.around.pop()
            self.is_name = False
        elif mark == ",":
            is_object, name = self.around[-1] if self.around else (False, "")
            self.is_name, self.name = is_object, name
        else:
            self.is_name = False

    def _outer(self) -> str:
        return self.around[-1][1] if self.around else ""


def _written(token: str, value: Any) -> str:
    """Returns the token as it came, unless its value had to change."""
    before = json.loads(token, parse_float=str, parse_int=str)
    return token if value == before else json.dumps(value)
