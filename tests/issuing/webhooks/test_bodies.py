"""Bodies without a Content-Length, at every door and under any WSGI server; and questions that waited too long."""

import io
import json
import time
from typing import Any

import pytest
from django.test import Client

from issuing.models import Decision, IssuerEvent
from onecard.kit.buffered_wsgi import ARRIVED_AT
from tests.support import marqeta_events, stripe_events
from tests.support.wallets import walkthrough_card

pytestmark = pytest.mark.django_db


class Source(io.RawIOBase):
    """A server's input: it ends by itself, and gives at most `step` bytes at once."""

    def __init__(self, body: bytes, step: int) -> None:
        self.rest, self.step = body, step

    def read(self, size: int = -1) -> bytes:
        taken = min(self.step, len(self.rest), size if size >= 0 else len(self.rest))
        part, self.rest = self.rest[:taken], self.rest[taken:]
        return part


class Broken(Source):
    """A client that hung up half way."""

    def read(self, size: int = -1) -> bytes:
        if not self.rest:
            raise OSError("the connection was closed")
        return super().read(size)


def chunked(url: str, source: Source, **headers: str) -> Any:
    environ = {"HTTP_" + name.upper(): value for name, value in headers.items()}
    return Client(raise_request_exception=False).request(
        **{
            "REQUEST_METHOD": "POST",
            "PATH_INFO": url,
            "CONTENT_TYPE": "application/json",
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input_terminated": True,
            "wsgi.input": source,
            **environ,
        }
    )


def stripe(what: dict[str, Any], *, step: int = 7, kind: type[Source] = Source) -> Any:
    body = json.dumps(what)
    return chunked(stripe_events.URL, kind(body.encode(), step), stripe_signature=stripe_events.signed(body))


@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_stripes_doors_read_chunks_to_their_end(step: int) -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    assert stripe(asked, step=step).json()["approved"] is True
    news = stripe_events.event("issuing_card.updated", {"id": "ic_1"})
    assert stripe(news, step=step).json() == {"received": True}


def test_marqetas_doors_read_chunks_to_their_end(settings: Any) -> None:
    settings.MARQETA_JIT_USERNAME, settings.MARQETA_JIT_PASSWORD = "jit", "Aa1!gateway-password-x"
    settings.MARQETA_WEBHOOK_USERNAME, settings.MARQETA_WEBHOOK_PASSWORD = "web", "Aa1!webhook-password-x"
    settings.MARQETA_WEBHOOK_SECRET = ""
    card = walkthrough_card(issuer_provider="marqeta", issuer_card_id="card-1")
    body = marqeta_events.body_of(marqeta_events.gateway_request(card=card.issuer_card_id))
    jit = marqeta_events.basic("jit", "Aa1!gateway-password-x")
    assert chunked(marqeta_events.GATEWAY, Source(body.encode(), 9), authorization=jit).status_code == 200
    web = marqeta_events.basic("web", "Aa1!webhook-password-x")
    pings = json.dumps({"pings": [{"token": "p"}]}).encode()
    assert chunked(marqeta_events.WEBHOOK, Source(pings, 9), authorization=web).status_code == 200
    assert Decision.objects.get().approved


def test_a_chunked_body_over_the_bound_is_refused_and_not_read_to_its_end(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 5000
    for padding, status in ((1000, 200), (100_000, 413)):
        source = Source(json.dumps(stripe_events.event("x.y", {"id": "a", "p": "x" * padding})).encode(), 1000)
        body = source.rest.decode()
        answer = chunked(stripe_events.URL, source, stripe_signature=stripe_events.signed(body))
        assert answer.status_code == status
        assert len(source.rest) == (0 if status == 200 else len(body) - 5001)
    assert IssuerEvent.objects.count() == 1


def test_a_chunked_body_that_breaks_off_is_refused() -> None:
    assert stripe(stripe_events.event("x.y", {"id": "a"}), kind=Broken).status_code == 400
    assert not IssuerEvent.objects.exists()


@pytest.mark.usefixtures("usual_deadline")
def test_a_question_that_waited_too_long_for_a_thread_is_declined_unread(
    settings: Any, django_assert_num_queries: Any
) -> None:
    settings.MARQETA_JIT_USERNAME, settings.MARQETA_JIT_PASSWORD = "jit", "Aa1!gateway-password-x"
    card = walkthrough_card(issuer_provider="marqeta", issuer_card_id="card-1")
    body = marqeta_events.body_of(marqeta_events.gateway_request(card=card.issuer_card_id)).encode()
    headers = {"Authorization": marqeta_events.basic("jit", "Aa1!gateway-password-x")}
    for waited_s, status, queries in ((1.0, 402, 0), (60.0, 402, 0)):
        old = {ARRIVED_AT: time.perf_counter() - waited_s}
        with django_assert_num_queries(queries):
            answer = Client().post(
                marqeta_events.GATEWAY,
                body,
                content_type="application/json",
                headers=headers,
                **old,  # type: ignore[arg-type]
            )
        assert answer.status_code == status
        assert b"deadline_exceeded" in answer.content
    assert not Decision.objects.exists()


def test_an_event_that_waited_too_long_is_refused_and_comes_again() -> None:
    body = json.dumps(stripe_events.event("issuing_card.updated", {"id": "ic_1"}))
    headers = {"Stripe-Signature": stripe_events.signed(body)}
    for waited_s, status in ((6.0, 503), (1.0, 200)):
        old = {ARRIVED_AT: time.perf_counter() - waited_s}
        answer = Client().post(stripe_events.URL, body, content_type="application/json", headers=headers, **old)  # type: ignore[arg-type]
        assert answer.status_code == status
