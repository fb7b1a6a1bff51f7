"""GET /metrics: how the product stands, in Prometheus' text, counted anew from PostgreSQL and Redis at each scrape.

No number lives in a process, so every process gives the same ones. What each costs stands beside its function; none
reads a long table as a whole.
"""

import datetime as dt
import hmac
import ipaddress
import logging
import re
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily as Gauge
from prometheus_client.registry import Collector

from issuing import states
from issuing.models import CardChange, IssuerEvent, JournalEntry
from issuing.operations import availability
from issuing.operations.control import configured_providers
from onecard import production
from onecard.kit import clock
from onecard.kit.postgresql import partitions
from onecard.kit.postgresql.time_limits import give_up_after
from onecard.outbox.models import Message
from wallet.models import Case, FundingCharge
from wallet.states import DUE_CHARGE

log = logging.getLogger(__name__)

# A scrape that waits for a silent database must not keep its thread from health checks and notifications.
COUNTED_WITHIN_S = 5.0
BREAKER_STATES = ("closed", "half_open", "open", "unknown")
# What is counted of card changes: the latest by id, which is cheap, and of those the ones of a day.
LATEST_CHANGES = 10_000
DAY = dt.timedelta(hours=24)
# What Prometheus, curl and a browser send by themselves.
DIRECT_HEADERS = frozenset(
    [
        "accept",
        "authorization",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "dnt",
        "host",
        "if-modified-since",
        "if-none-match",
        "origin",
        "pragma",
        "priority",
        "referer",
        "te",
        "traceparent",
        "upgrade-insecure-requests",
        "user-agent",
    ]
)
DIRECT_PREFIXES = ("accept-", "sec-", "x-prometheus-")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All metrics; 403 to strangers, 503 when the database does not answer."""
    if not _may_scrape(request):
        return HttpResponse("Metrics are for whoever has METRICS_TOKEN, or without one for this machine.\n", status=403)
    registry = CollectorRegistry(auto_describe=False)
    try:
        with give_up_after(COUNTED_WITHIN_S):
            registry.register(_AtScrape())
            body = generate_latest(registry)
    except DatabaseError:
        log.exception("no metrics")
        connection.close()
        return HttpResponse("The database does not answer; see the log.\n", status=503)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class _AtScrape(Collector):
    """Computes when it is asked, and describes nothing before."""

    def collect(self) -> Iterator[Gauge]:
        for measure in MEASURES:
            yield from measure()

    def describe(self) -> Iterator[Gauge]:
        return iter(())


def issuers() -> Iterator[Gauge]:
    """One row by a unique index and one script in Redis for each issuer."""
    breakers = Gauge("onecard_issuer_breaker", "1 at the state of the issuer's breaker.", labels=["provider", "state"])
    read_only = Gauge(
        "onecard_issuer_read_only", "1 while no card is made or changed there.", labels=["provider", "by"]
    )
    for status in map(availability.of, configured_providers()):
        for state in BREAKER_STATES:
            breakers.add_metric([status.provider, state], float(status.breaker.state == state))
        for by in ("hand", "breaker"):
            read_only.add_metric([status.provider, by], float(status.by == by))
    yield breakers
    yield read_only


def card_changes() -> Iterator[Gauge]:
    """The open ones by the partial index change_due; the settled ones by the primary key, at most LATEST_CHANGES."""
    waiting = CardChange.objects.filter(status__in=states.OPEN_CHANGE)
    opened = Gauge("onecard_card_changes_open", "Card changes that wait for their issuer.", labels=["kind"])
    for row in waiting.order_by().values("kind").annotate(count=Count("pk")):
        opened.add_metric([row["kind"]], row["count"])
    yield opened
    oldest = waiting.aggregate(since=Min("created_at"))["since"]
    yield _single(
        "onecard_card_change_oldest_open_seconds", "Age of the oldest open card change, or 0.", _age_s(oldest)
    )
    recent = _recent_changes()
    counts = Gauge("onecard_card_changes_day", "Card changes asked for within 24 hours.", labels=["kind", "status"])
    for (kind, status), count in recent.items():
        counts.add_metric([kind, status], count)
    yield counts
    yield from _creations(recent)


def _creations(recent: dict[tuple[str, str], int]) -> Iterator[Gauge]:
    """The design's target is above 0.99; without an attempt there is no ratio, and no sample."""
    made, refused = (recent.get((CardChange.Kind.CREATE, status), 0) for status in ("done", "refused"))
    ratio = Gauge("onecard_card_creation_success_ratio", "Cards made, of those settled, among the asked of 24 hours.")
    if made + refused:
        ratio.add_metric([], made / (made + refused))
    yield ratio


def _recent_changes() -> dict[tuple[str, str], int]:
    newest = CardChange.objects.aggregate(newest=Max("pk"))["newest"] or 0
    rows = CardChange.objects.filter(pk__gt=newest - LATEST_CHANGES, created_at__gt=clock.now() - DAY)
    counted = rows.order_by().values_list("kind", "status").annotate(count=Count("pk"))
    return {(kind, status): count for kind, status, count in counted}


def queues() -> Iterator[Gauge]:
    """Each by a partial index that holds only what waits: event_waiting, outbox_unsent, charge_due."""
    inbox = IssuerEvent.objects.filter(status="received").aggregate(count=Count("pk"), since=Min("received_at"))
    outbox = Message.objects.filter(published_at__isnull=True).aggregate(count=Count("pk"), since=Min("created_at"))
    due = FundingCharge.objects.filter(status__in=DUE_CHARGE, next_attempt_at__lte=clock.now()).count()
    yield _single("onecard_inbox_waiting", "Events that no worker has handled yet.", inbox["count"])
    yield _single("onecard_inbox_oldest_seconds", "Age of the oldest of them, or 0.", _age_s(inbox["since"]))
    yield _single("onecard_outbox_unpublished", "Messages that the relay has not sent yet.", outbox["count"])
    yield _single("onecard_outbox_oldest_seconds", "Age of the oldest of them, or 0.", _age_s(outbox["since"]))
    journal = JournalEntry.objects.aggregate(count=Count("pk"), since=Min("decided_at"))
    yield _single("onecard_journal_waiting", "Decisions whose charge is not written yet.", journal["count"])
    yield _single("onecard_journal_oldest_seconds", "Age of the oldest of them, or 0.", _age_s(journal["since"]))
    yield _single("onecard_funding_charges_due", "Charges that should be tried now.", due)


def months() -> Iterator[Gauge]:
    """Rows that no month was made for in time; they are safe, and the archive leaves them out."""
    late = Gauge("onecard_rows_without_month", "Rows in a default partition, up to 10 000.", labels=["table"])
    for table in partitions.tables():
        late.add_metric([table.name], partitions.rows_without_month(table))
    yield late


def open_cases() -> Iterator[Gauge]:
    """By the partial index one_open_case_of_a_kind."""
    cases = Gauge("onecard_cases_open", "Cases that wait for a person.", labels=["kind"])
    rows = Case.objects.filter(status="open").order_by().values("kind").annotate(count=Count("pk"))
    counts = {row["kind"]: row["count"] for row in rows}
    for kind in Case.Kind.values:
        cases.add_metric([kind], counts.get(kind, 0))
    yield cases


MEASURES: tuple[Callable[[], Iterator[Gauge]], ...] = (issuers, card_changes, queues, months, open_cases)


def _single(name: str, meaning: str, value: float) -> Gauge:
    return Gauge(name, meaning, value=value)


def _age_s(since: dt.datetime | None) -> float:
    return max(0.0, (clock.now() - since).total_seconds()) if since else 0.0


def _may_scrape(request: HttpRequest) -> bool:
    """Who has the token, where there is one; else who asks from this machine itself, and not through a proxy on it."""
    token = settings.METRICS_TOKEN.encode()
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), b"Bearer " + token)
    return _is_loopback(request.META.get("REMOTE_ADDR", "")) and not _may_be_passed_on(request)


def _may_be_passed_on(request: HttpRequest) -> bool:
    """Proxies name themselves in many headers, of which any list is too short; a direct client sends few others."""
    names = [name.lower() for name in request.headers]
    is_direct = all(name in DIRECT_HEADERS or name.startswith(DIRECT_PREFIXES) for name in names)
    # A bare proxy adds no header, but passes on the public name, or speaks HTTP/1.0 as nginx does by itself.
    host = re.sub(r":[0-9]*$", "", request.META.get("HTTP_HOST", "localhost"))
    is_old = request.META.get("SERVER_PROTOCOL") == "HTTP/1.0"
    return not is_direct or is_old or host.lower() not in production.LOOPBACK_HOSTS


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    # A server that listens on IPv6 for both writes IPv4's addresses into its own.
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
