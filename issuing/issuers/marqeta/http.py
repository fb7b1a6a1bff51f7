"""One call to Marqeta: Basic auth, JSON with exact numbers, errors as ours (docs/issuers/marqeta.md, Core API)."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import requests

from issuing.issuers import errors
from issuing.issuers.base import IssuerError
from onecard.kit import durations, exact_json
from onecard.kit.text import clean_text

log = logging.getLogger(__name__)

Json = dict[str, Any]


class MarqetaHttp:
    """Sends each request once and follows no redirect; sessions are kept per thread, since they may not be shared."""

    def __init__(
        self,
        base_url: str,
        *,
        credentials: tuple[str, str],
        timeout_s: tuple[float, float],
        gate: Callable[[], None],
    ) -> None:
        base = base_url.rstrip("/")
        self._base = base if base.endswith("/v3") else f"{base}/v3"
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._gate = gate
        self._local = threading.local()

    def call(self, method: str, path: str, *, body: Json | None = None, query: Mapping[str, str] | None = None) -> Json:
        """Returns the JSON object of a 2xx answer; raises the errors of `base` for everything else."""
        self._gate()
        try:
            answer = self._send(method, path, body, query)
        except requests.RequestException as error:
            log.warning("Marqeta gave no answer to %s %s: %s.", method, path, type(error).__name__)
            raise errors.no_answer() from None
        return _read(answer, f"{method} {path}")

    def _send(self, method: str, path: str, body: Json | None, query: Mapping[str, str] | None) -> requests.Response:
        with durations.timed("issuer_call", "marqeta") as call:
            answer = self._session().request(
                method,
                f"{self._base}/{path}",
                params=query,
                data=None if body is None else exact_json.dumps(body).encode(),
                headers={"Accept": "application/json", "Content-Type": "application/json"},
                auth=self._credentials,
                timeout=self._timeout_s,
                allow_redirects=False,
            )
            call.status = answer.status_code
        return answer

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        session: requests.Session = self._local.session
        return session


def _read(answer: requests.Response, asked: str) -> Json:
    # A gateway in front answers with a page of its own, whatever the status says.
    is_json = "json" in answer.headers.get("Content-Type", "").lower()
    body = _parse(answer.content) if is_json else None
    if answer.ok and answer.status_code < 300 and body is not None:
        return body
    log.warning(
        "Marqeta did not carry out %s: HTTP %s, code %s.",
        asked,
        answer.status_code,
        clean_text((body or {}).get("error_code"), limit=12) or "none",
    )
    raise _translate(answer, has_said_no=body is not None)


def _translate(answer: requests.Response, *, has_said_no: bool) -> IssuerError:
    status = answer.status_code
    if status in (401, 403):
        return errors.not_let_in()
    if status == 429:
        return errors.too_fast(answer.headers.get("Retry-After"))
    if not 400 <= status < 500 or status == 408 or not has_said_no:
        return errors.no_answer()
    return errors.key_reused() if status == 409 else errors.refused(status)


def _parse(content: bytes) -> Json | None:
    try:
        body = exact_json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
