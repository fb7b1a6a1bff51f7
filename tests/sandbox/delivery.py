"""One signed POST of one event, and what came back."""

import time
from dataclasses import replace

import stripe

from tests.sandbox.http_post import Poster
from tests.sandbox.journal import Delivery
from tests.sandbox.wire import Json, to_bytes

_HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (sandbox)", "Accept": "*/*"}


class Courier:
    """Signs and posts events over connections that stay open."""

    def __init__(self, *, secret: str) -> None:
        self._secret = secret
        self._poster = Poster()

    def post(
        self,
        event: Json,
        *,
        url: str | None,
        timeout_s: float,
        attempt: int = 1,
        scenario: str | None = None,
        secret: str = "",
    ) -> Delivery:
        """Send the event once, freshly signed, by default with the account's secret.

        A failure is told in the delivery, never raised.
        """
        if url is None:
            return unsent(event, url="", error="no webhook URL is set", attempt=attempt, scenario=scenario)
        body = to_bytes(event)
        posted = self._poster.post(url, body=body, headers=self._signed(body, secret), timeout_s=timeout_s)
        blank = _delivery(event, url=url, attempt=attempt, sent_at=posted.sent_at, scenario=scenario)
        return replace(
            blank,
            status=posted.status,
            headers=posted.headers,
            body=posted.body,
            error=posted.error,
            elapsed_ms=posted.elapsed_ms,
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._poster.close()

    def _signed(self, body: bytes, secret: str) -> dict[str, str]:
        # The package signs text: the same letters it was encoded from.
        signature = stripe.WebhookSignature.generate_signature_header(body.decode(), secret or self._secret)
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
