"""Idempotency keys as Stripe keeps them: the first answer is the answer, whatever it was."""

import copy
import threading
from dataclasses import dataclass

from tests.sandbox.stripe.errors import RefusedError
from tests.sandbox.wire import Answer

_LONGEST_KEY = 255


@dataclass(slots=True)
class _Use:
    fingerprint: str
    request_id: str
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """What a key was answered before, and under which request."""

    answer: Answer
    request_id: str


class IdempotencyKeys:
    """The keys of this account; a key in flight is taken, so that identical calls at once make one object."""

    def __init__(self) -> None:
        self._uses: dict[str, _Use] = {}
        self._lock = threading.Lock()

    def copy(self) -> "IdempotencyKeys":
        """The same keys with the same answers; what is claimed in one is not claimed in the other."""
        same = IdempotencyKeys()
        with self._lock:
            same._uses = copy.deepcopy(self._uses)
        return same

    def taken(self) -> "dict[str, _Use]":
        """Takes all keys out, for the sandbox's memory."""
        self._lock.acquire()
        return self._uses

    def put_back(self, uses: "dict[str, _Use]") -> None:
        """Knows these keys again, but for those whose call was cut off."""
        self._uses = {key: use for key, use in uses.items() if use.answer}

    def claim(self, key: str, *, fingerprint: str, request_id: str) -> Replay | None:
        """Take a key for this request, or hand back its earlier answer; raises RefusedError when neither may be."""
        if len(key) > _LONGEST_KEY:
            raise RefusedError(f"An idempotency key has up to {_LONGEST_KEY} letters.")
        with self._lock:
            use = self._uses.get(key)
            if use is None:
                self._uses[key] = _Use(fingerprint, request_id)
                return None
        return _replay(key, use, fingerprint)

    def store(self, key: str, answer: Answer) -> None:
        """Keep the answer of the request that holds the key."""
        with self._lock:
            self._uses[key].answer = answer

    def forget(self, key: str) -> None:
        """Free a key whose request was never carried out."""
        with self._lock:
            self._uses.pop(key, None)

    def forget_all(self) -> None:
        """Frees all keys, as Stripe may do after 24 hours."""
        with self._lock:
            self._uses.clear()


def _replay(key: str, use: _Use, fingerprint: str) -> Replay:
    if use.fingerprint != fingerprint:
        raise RefusedError(
            f"The idempotency key {key!r} was first used with other parameters or on another path; use a new key.",
            kind="idempotency_error",
        )
    if use.answer is None:
        raise RefusedError(
            f"Another request with the idempotency key {key!r} is still in progress.",
            status=409,
            code="idempotency_key_in_use",
        )
    return Replay(use.answer, use.request_id)
