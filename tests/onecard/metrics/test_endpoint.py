"""What /metrics says, to whom, and that it reads no long table as a whole."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from issuing.issuers.guard.breaker import FAILURES, Breaker, Permit, close_breaker
from issuing.issuers.guard.redis_scripts import shared
from issuing.models import CardChange, IssuerEvent
from issuing.operations import availability
from onecard.kit import clock
from onecard.outbox import services as outbox
from onecard.outbox.models import Message
from tests.onecard.metrics.scraping import scraped
from tests.support.factories import VirtualCardFactory
from tests.support.sandboxes import intended_charge
from wallet import cases
from wallet.models import Case, FundingCharge

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _closed_breaker() -> Iterator[None]:
    close_breaker("stripe")
    yield
    close_breaker("stripe")


def change(kind: str, status: str, *, age_s: float = 0) -> None:
    asked = clock.now() - dt.timedelta(seconds=age_s)
    CardChange.objects.create(
        card=VirtualCardFactory(), kind=kind, status=status, requested_by="user:1", created_at=asked, updated_at=asked
    )


def test_an_idle_product_says_zero() -> None:
    found = scraped()

    assert found["onecard_inbox_waiting"] == 0
    assert found["onecard_outbox_unpublished"] == 0
    assert found["onecard_funding_charges_due"] == 0
    assert found["onecard_card_change_oldest_open_seconds"] == 0
    assert "onecard_card_creation_success_ratio" not in found


def test_what_waits_is_counted_with_its_age() -> None:
    minute_ago = clock.now() - dt.timedelta(seconds=60)
    charge = intended_charge()
    IssuerEvent.objects.create(provider="stripe", event_id="evt_1", received_at=minute_ago)
    outbox.put(topic="inbox.received", event_pk=1)
    cases.open_obligation_case(kind="funding_declined", obligation=charge.obligation, summary="No.")
    change("freeze", "intended", age_s=120)

    found = scraped()

    assert found["onecard_inbox_waiting"] == found["onecard_outbox_unpublished"] == 1
    assert 60 <= found["onecard_inbox_oldest_seconds"] < 70
    assert 120 <= found["onecard_card_change_oldest_open_seconds"] < 130
    assert found["onecard_funding_charges_due"] == 1
    assert scraped(kind="funding_declined")["onecard_cases_open"] == 1
    assert scraped(kind="two_charges")["onecard_cases_open"] == 0
    assert scraped(kind="freeze", status="intended")["onecard_card_changes_day"] == 1


def test_the_ratio_is_of_a_day_and_of_what_is_settled() -> None:
    for status in ("done", "done", "done", "refused", "intended"):
        change("create", status)
    change("create", "refused", age_s=90_000)
    change("limits", "refused")

    assert scraped()["onecard_card_creation_success_ratio"] == 0.75
    assert scraped(kind="create", status="done")["onecard_card_changes_day"] == 3


def test_breaker_and_read_only_mode_show() -> None:
    assert scraped(provider="stripe", state="closed")["onecard_issuer_breaker"] == 1
    for _ in range(FAILURES):
        Breaker("stripe", shared()).failed(Permit(allowed=True))

    assert scraped(provider="stripe", state="open")["onecard_issuer_breaker"] == 1
    assert scraped(provider="stripe", state="closed")["onecard_issuer_breaker"] == 0
    assert scraped(provider="stripe", by="breaker")["onecard_issuer_read_only"] == 1
    availability.enter_read_only(provider="stripe", reason="Maintenance", actor="user:1")
    assert scraped(provider="stripe", by="hand")["onecard_issuer_read_only"] == 1


@pytest.mark.parametrize(
    ("asked", "token", "status"),
    [
        ({}, "", 200),
        ({"REMOTE_ADDR": "::1"}, "", 200),
        ({"REMOTE_ADDR": "10.0.0.7"}, "", 403),
        ({"REMOTE_ADDR": "not an address"}, "", 403),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, "", 403),
        ({"HTTP_FORWARDED": "for=10.0.0.7"}, "", 403),
        ({"REMOTE_ADDR": "10.0.0.7", "HTTP_AUTHORIZATION": "Bearer "}, "", 403),
        ({"REMOTE_ADDR": "10.0.0.7", "HTTP_AUTHORIZATION": "Bearer guess"}, "token", 403),
        ({"REMOTE_ADDR": "10.0.0.7", "HTTP_AUTHORIZATION": "Bearer \xe9"}, "token", 403),
        ({"REMOTE_ADDR": "10.0.0.7", "HTTP_AUTHORIZATION": "Bearer token"}, "token", 200),
        ({"HTTP_X_REAL_IP": "10.0.0.7", "HTTP_AUTHORIZATION": "Bearer token"}, "token", 200),
        ({}, "token", 403),
        ({"REMOTE_ADDR": "::1"}, "token", 403),
        ({"HTTP_AUTHORIZATION": "Bearer guess"}, "token", 403),
        ({"HTTP_AUTHORIZATION": "token"}, "token", 403),
        ({"HTTP_AUTHORIZATION": "Bearer token "}, "token", 403),
        ({"HTTP_X_REAL_IP": "10.0.0.7"}, "", 403),
        ({"HTTP_X_REAL_IP": "127.0.0.1"}, "", 403),
        ({"HTTP_VIA": "1.1 proxy"}, "", 403),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, "", 403),
        ({"HTTP_X_FORWARDED_HOST": "cards.example.com"}, "", 403),
        ({"HTTP_CF_CONNECTING_IP": "10.0.0.7"}, "", 403),
        ({"HTTP_TRUE_CLIENT_IP": "10.0.0.7"}, "", 403),
        ({"HTTP_X_CLIENT_IP": "10.0.0.7"}, "", 403),
        ({"HTTP_FASTLY_CLIENT_IP": "10.0.0.7"}, "", 403),
        ({"HTTP_X_ENVOY_EXTERNAL_ADDRESS": "10.0.0.7"}, "", 403),
        ({"HTTP_X_AMZN_TRACE_ID": "Root=1"}, "", 403),
        ({"HTTP_X_OF_A_PROXY_TO_COME": "1"}, "", 403),
        ({"HTTP_HOST": "cards.example.com"}, "", 403),
        ({"SERVER_PROTOCOL": "HTTP/1.0"}, "", 403),
        ({"REMOTE_ADDR": "::ffff:10.0.0.7"}, "", 403),
        ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, "", 200),
        ({"REMOTE_ADDR": ""}, "", 403),
        ({"HTTP_HOST": "127.0.0.1:8000", "HTTP_USER_AGENT": "Prometheus/3", "HTTP_ACCEPT_ENCODING": "gzip"}, "", 200),
        ({"HTTP_X_PROMETHEUS_SCRAPE_TIMEOUT_SECONDS": "10"}, "", 200),
    ],
)
@pytest.mark.parametrize("debug", [False, True])
def test_who_may_scrape(asked: dict[str, str], token: str, status: int, debug: bool, settings: Any) -> None:
    settings.METRICS_TOKEN, settings.DEBUG = token, debug
    settings.ALLOWED_HOSTS = ["*"]

    answer = Client().get("/metrics", **asked)

    assert answer.status_code == status
    assert (b"onecard_inbox_waiting" in answer.content) == (status == 200)


def test_it_is_only_read() -> None:
    assert Client().post("/metrics").status_code == 405


def much_that_has_ended() -> list[type[Model]]:
    """Hundreds of rows in each of the long tables, as after some days: nearly all are done. Gives the models."""
    now, charge, change_at = clock.now(), intended_charge(), {"requested_by": "user:1", "kind": "freeze"}
    card, many = VirtualCardFactory(), range(600)
    at = {"created_at": now, "updated_at": now}
    CardChange.objects.bulk_create(CardChange(card=card, status="done", **change_at, **at) for _ in many)
    IssuerEvent.objects.bulk_create(
        IssuerEvent(provider="stripe", event_id=f"evt_{n}", received_at=now, status="handled") for n in many
    )
    Message.objects.bulk_create(
        Message(topic="inbox.received", payload={}, created_at=now, published_at=now) for _ in many
    )
    FundingCharge.objects.bulk_create(
        FundingCharge(
            obligation=charge.obligation,
            method=charge.method,
            sequence=n + 2,
            idempotency_key=f"charge-{n}",
            status="declined",
            **at,
        )
        for n in many
    )
    Case.objects.bulk_create(
        Case(kind="card_differs", reference=f"r:{n}", status="resolved", amount_minor=0, currency="USD", opened_at=now)
        for n in many
    )
    return [CardChange, IssuerEvent, Message, FundingCharge, Case]


def test_no_query_reads_a_long_table_as_a_whole() -> None:
    """With sequential scans priced out, a query that still needs one has no index to go by."""
    with connection.cursor() as cursor:
        # The planner goes by the size of an index too, and an earlier test may have left empty pages in it.
        cursor.execute("TRUNCATE wallet_cardholder, issuing_issuerevent, outbox_message, wallet_case CASCADE")
    long_tables = [model._meta.db_table for model in much_that_has_ended()]
    with CaptureQueriesContext(connection) as queries:
        scraped()
    asked = [each["sql"] for each in queries if any(table in each["sql"] for table in long_tables)]
    with connection.cursor() as cursor:
        # The planner goes by what the tables hold now, and not by what an earlier test had left in them.
        cursor.execute(f"ANALYZE {', '.join(long_tables)}")
        cursor.execute("SET LOCAL enable_seqscan = off")
        plans = {}
        for sql in asked:
            cursor.execute(f"EXPLAIN {sql}")
            plans[sql] = "\n".join(row[0] for row in cursor.fetchall())

    assert len(asked) == 9
    assert {sql: plan for sql, plan in plans.items() if "Seq Scan" in plan} == {}
    for index in ("change_due", "event_waiting", "outbox_unsent", "charge_due", "one_open_case_of_a_kind"):
        assert any(index in plan for plan in plans.values()), index


def test_without_a_database_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from onecard.metrics import measures

    def away() -> Iterator[Any]:
        raise OperationalError("host db.internal is away")
        yield

    monkeypatch.setattr(measures, "MEASURES", (away,))

    answer = Client().get("/metrics")

    assert answer.status_code == 503
    assert b"db.internal" not in answer.content
