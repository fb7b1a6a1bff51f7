"""One POST with a clock beside it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests
from requests.adapters import HTTPAdapter


@dataclass(frozen=True, slots=True)
class Posted:
    """What came back, or why nothing did; `elapsed_ms` is the measured round trip."""

    sent_at: float
    elapsed_ms: float
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    error: str | None = None


class Poster:
    """Posts over connections that stay open."""

    def __init__(self) -> None:
        self._session = requests.Session()
        # A proxy of the environment must never see what is meant for this machine.
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_connections=8, pool_maxsize=128))

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Posted:
        """Send once; a failure is told in what is handed back, never raised."""
        started, sent_at = time.perf_counter(), time.time()
        try:
            answer = self._session.post(url, data=body, headers=dict(headers), timeout=timeout_s, allow_redirects=False)
        except requests.RequestException as error:
            return Posted(sent_at, _ms_since(started), error=_reason(error))
        elapsed_ms = _ms_since(started)
        return Posted(sent_at, elapsed_ms, answer.status_code, dict(answer.headers), answer.text)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()


def _reason(error: requests.RequestException) -> str:
    return "timeout" if isinstance(error, requests.Timeout) else f"{type(error).__name__}: {error}"


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
