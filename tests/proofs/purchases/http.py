"""The sandbox as an outsider reaches it: plain HTTP, and nothing of the product's own readers in between."""

import base64
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

Json = dict[str, Any]
TIMEOUT_S = 60
PAGE = 100


class SandboxRefusedError(Exception):
    """The sandbox did not do what the proof asked of it, so there is nothing to be proved."""


class SandboxAwayError(SandboxRefusedError):
    """The sandbox did not answer at all."""


class SandboxHttp:
    """A kept connection for each thread; the credentials are the sandbox's."""

    def __init__(self, url: str, *, api_key: str, program: tuple[str, str]) -> None:
        self._place = urlsplit(url).netloc
        self._local = threading.local()
        self._clients: list[http.client.HTTPConnection] = []
        basic = base64.b64encode(":".join(program).encode()).decode()
        self._stripe = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/x-www-form-urlencoded"}
        self._marqeta = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}

    def stripe(self, method: str, path: str, params: Mapping[str, Any] | None = None) -> Json:
        """One call to the Stripe-shaped API."""
        form = urlencode(dict(_flat(params or {})))
        if method == "GET":
            return self._call(method, f"/v1/{path}?{form}", "", self._stripe)
        return self._call(method, f"/v1/{path}", form, self._stripe)

    def marqeta(self, method: str, path: str, body: Json | None = None) -> Json:
        """One call to the Marqeta-shaped API."""
        return self._call(method, f"/v3/{path}", json.dumps(body) if body is not None else "", self._marqeta)

    def control(self, method: str, path: str, body: Json | None = None) -> Json:
        """One call to the control door; an order may come twice, so a connection that a restart closed is no fault."""
        place, content = f"/_sandbox/{path}", json.dumps(body) if body is not None else ""
        try:
            return self._call(method, place, content, {})
        except SandboxAwayError:
            return self._call(method, place, content, {})

    def all_of_stripe(self, path: str) -> Iterator[Json]:
        """Everything in one of Stripe's lists, newest first."""
        after: dict[str, str] = {}
        while True:
            page = self.stripe("GET", path, {"limit": PAGE, **after})
            yield from page["data"]
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def all_transactions_of_marqeta(self) -> Iterator[Json]:
        """Every message of Marqeta's network, oldest first."""
        start, is_more = 0, True
        while is_more:
            wanted = f"state=ALL&count={PAGE}&start_index={start}&sort_by=user_transaction_time"
            page = self.marqeta("GET", f"transactions?{wanted}")
            yield from page["data"]
            start, is_more = start + page["count"], page["is_more"]

    def close(self) -> None:
        """Closes the connections of all threads."""
        for client in self._clients:
            client.close()

    def _call(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> Json:
        client: http.client.HTTPConnection | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = http.client.HTTPConnection(self._place, timeout=TIMEOUT_S)
            self._clients.append(client)
        try:
            client.request(method, path, body, dict(headers))
            answer = client.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            client.close()
            raise SandboxAwayError(f"{method} {path}: {error!r}") from error
        if answer.status >= http.client.BAD_REQUEST:
            raise SandboxRefusedError(f"{method} {path}: {answer.status} {content[:300]!r}")
        found: Json = json.loads(content)
        return found


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Bracketed names, as Stripe's forms have them."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{name}[{place}]")
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)
