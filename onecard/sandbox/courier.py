"""One signed POST of one event, and what came back."""

import time
from dataclasses import replace

import requests
import stripe
from requests.adapters import HTTPAdapter

from onecard.sandbox.journal import Delivery
from onecard.sandbox.wire import Json, to_bytes

_HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (sandbox)", "Accept": "*/*"}


class Courier:
    """Signs and posts events over connections that stay open."""

    def __init__(self, *, secret: str) -> None:
        self._secret = secret
        self._session = requests.Session()
        # A proxy of the environment must never see what is meant for this machine.
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_connections=8, pool_maxsize=128))

    def post(
        self, event: Json, *, url: str | None, timeout_s: float, attempt: int = 1, scenario: str | None = None
    ) -> Delivery:
        """Send the event once, freshly signed; a failure is told in the delivery, never raised."""
        if url is None:
            return unsent(event, url="", error="no webhook URL is set", attempt=attempt, scenario=scenario)
        body = to_bytes(event)
        started, sent_at = time.perf_counter(), time.time()
        blank = _delivery(event, url=url, attempt=attempt, sent_at=sent_at, scenario=scenario)
        try:
            answer = self._session.post(
                url, data=body, headers=self._signed(body), timeout=timeout_s, allow_redirects=False
            )
        except requests.RequestException as error:
            return replace(blank, error=_reason(error), elapsed_ms=_ms_since(started))
        elapsed_ms = _ms_since(started)
        return replace(
            blank, status=answer.status_code, headers=dict(answer.headers), body=answer.text, elapsed_ms=elapsed_ms
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def _signed(self, body: bytes) -> dict[str, str]:
        # The package signs text: the same letters it was encoded from.
        signature = stripe.WebhookSignature.generate_signature_header(body.decode(), self._secret)
        return {**_HEADERS, "Stripe-Signature": signature}


def unsent(event: Json, *, url: str, error: str, attempt: int = 1, scenario: str | None = None) -> Delivery:
    """Note an event that never left, and why."""
    blank = _delivery(event, url=url, attempt=attempt, sent_at=time.time(), scenario=scenario)
    return replace(blank, error=error)


def _delivery(event: Json, *, url: str, attempt: int, sent_at: float, scenario: str | None) -> Delivery:
    return Delivery(
        event_id=event["id"],
        event_type=event["type"],
        object_id=event["data"]["object"]["id"],
        url=url,
        attempt=attempt,
        sent_at=sent_at,
        elapsed_ms=0.0,
        scenario=scenario,
    )


def _reason(error: requests.RequestException) -> str:
    return "timeout" if isinstance(error, requests.Timeout) else f"{type(error).__name__}: {error}"


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
