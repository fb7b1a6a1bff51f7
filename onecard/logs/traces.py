"""Sends the spans of requests and tasks to an OpenTelemetry collector, with a few named attributes and nothing else.

Decisions have none: a span costs more than a decision can spare, and each has the times of its own steps on record.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, Status, set_tracer_provider

from onecard.kit import log_context
from onecard.kit.request_ids import request_id
from onecard.logs import covering

# The doors share their addresses with the decisions; the rest is asked every few seconds.
EXCLUDED: Final = "^https?://[^/]*/(?:stripe-webhook|api/webhooks/.*|health/.*|metrics)$"
GIVE_UP_S: Final = 5
KEPT: Final = frozenset(
    {
        *("http.method", "http.request.method", "http.route", "http.status_code", "http.response.status_code"),
        *("celery.action", "celery.state", "messaging.operation", "messaging.destination", "error.type"),
        *("exception.type", "exception.message", "exception.stacktrace"),
        *(*log_context.CARRIED, "task", "task_id", "card_id", "customer_id", "message_id"),
    }
)


def start(*, endpoint: str, release: str) -> None:
    """Begins to send."""
    about = {"service.name": "one-card", **({"service.version": release} if release else {})}
    provider = TracerProvider(resource=Resource.create(about))
    provider.add_span_processor(_WithIds())
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=GIVE_UP_S)
    provider.add_span_processor(BatchSpanProcessor(Scrubbing(exporter)))
    set_tracer_provider(provider)
    DjangoInstrumentor().instrument(tracer_provider=provider, excluded_urls=EXCLUDED, response_hook=_name_request)
    CeleryInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]


class Scrubbing(SpanExporter):
    """Hands copies of the spans on, with the attributes in KEPT, and with every text covered."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export([_scrubbed(span) for span in spans])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


class _WithIds(SpanProcessor):
    """Gives each span the ids that are bound when it begins: those of a task, and of what the relay publishes."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        span.set_attributes(log_context.bound())


def _name_request(span: Span, request: HttpRequest, _response: HttpResponse) -> None:
    span.set_attribute("request_id", request_id(request))


def _scrubbed(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=covering.text(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_kept(span.attributes),
        events=[Event(event.name, _kept(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, covering.text(span.status.description or "") or None),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _kept(attributes: Any) -> dict[str, Any]:
    return {name: covering.value(said, name) for name, said in (attributes or {}).items() if name in KEPT}
