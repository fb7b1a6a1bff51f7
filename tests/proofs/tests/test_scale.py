"""`make scale` fills a database as the product would have, and says what it saw; test_scale_runs.py runs it."""

import datetime as dt
import re
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from issuing.models import Authorization, Decision, IssuerEvent, VirtualCard
from onecard.kit import clock
from tests.proofs.bench import people
from tests.proofs.bench.requests import Requests
from tests.proofs.scale import cards, filling, report, sizes
from tests.proofs.scale.purchases import ZONE, History
from tests.proofs.scale.sizes import OF_PURCHASES, Held, Size
from tests.proofs.scale.table import scattered
from tests.support.stripe_events import signed

CARDS, PURCHASES, RANKINGS = 60, 1_000, 1_500
RESTARTED: Final = (
    *("users_user", "wallet_cardholder", "wallet_fundingmethod", "wallet_cardproduct", "issuing_virtualcard"),
    "routing_rankingrow",
)
PARENTS: Final = """
SELECT conrelid::regclass::text, a.attname, confrelid::regclass::text FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE contype = 'f'
"""


@pytest.fixture
def filled() -> list[str]:
    """Two cards as the benchmark makes them, more from the server, purchases and rankings; gives the tables' names."""
    with connection.cursor() as cursor:
        # As in a new database, until the test is rolled back.
        for table in RESTARTED:
            cursor.execute(f"ALTER TABLE {table} ALTER COLUMN id RESTART")
    people.make_cards(2)
    history = History(PURCHASES, CARDS, clock.now())
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    names = []
    for tables in (cards.rankings(RANKINGS), cards.cards(2, CARDS - 1), history.tables()):
        names += filling.fill(tables, lambda _label, _count: None)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = origin")
    return names


@pytest.mark.django_db
def test_filled_rows_belong_together(filled: list[str]) -> None:
    assert set(OF_PURCHASES) < set(filled)
    assert Authorization.objects.count() == IssuerEvent.objects.count() == PURCHASES
    with connection.cursor() as cursor:
        cursor.execute(PARENTS)
        for table, column, parent in cursor.fetchall():
            cursor.execute(
                f"SELECT count(*) FROM {table} t WHERE {column} IS NOT NULL "
                f"AND NOT EXISTS (SELECT FROM {parent} p WHERE p.id = t.{column})"
                if table in filled
                else "SELECT 0"
            )
            assert cursor.fetchone() == (0,), (table, column)
        for kind in ("day", "month"):
            cursor.execute(
                f"SELECT count(*) FROM issuing_spendwindow w WHERE kind = '{kind}' AND spent_minor <> "
                f"(SELECT coalesce(sum(amount_minor), 0) FROM issuing_hold h WHERE h.{kind}_id = w.id "
                "AND h.placed_at >= w.starts_at AND h.placed_at < w.ends_at)"
            )
            assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_filling_leaves_the_indexes_as_they_were() -> None:
    def indexes() -> set[tuple[str, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT i.tablename, i.indexdef, coalesce(pg_get_constraintdef(c.oid), '') FROM pg_indexes i "
                "LEFT JOIN pg_constraint c ON c.conname = i.indexname AND c.conrelid = i.tablename::regclass "
                "WHERE i.schemaname = current_schema()"
            )
            found = [row for row in cursor if not re.search(r"_\d{4}_\d{2}$", row[0])]
        # PostgreSQL writes the casts of a condition otherwise once it has read them again. Months follow their table.
        return {(table, re.sub(r"[()]|::[a-z ]+(\[\])?", "", index), rule) for table, index, rule in found}

    before = indexes()

    list(filling.fill(History(PURCHASES, CARDS, clock.now()).tables(), lambda _label, _count: None))

    assert indexes() == before


@pytest.mark.django_db
def test_a_filled_card_is_like_one_of_the_benchmark(filled: list[str]) -> None:
    def columns(card: VirtualCard) -> list[dict[str, object]]:
        holder = card.cardholder
        rows = [card, holder, holder.user, *holder.funding_methods.order_by("position")]
        # Keys, names with the number, and times; the versions count how often something was saved.
        own = ("id", "_at", "name", "date_joined", "version", "password", "_state")
        return [{key: value for key, value in vars(row).items() if not key.endswith(own)} for row in rows]

    assert filled
    of_benchmark, of_server = (VirtualCard.objects.get(issuer_card_id=f"ic_bench_{number}") for number in (1, 7))
    assert columns(of_server) == columns(of_benchmark)
    assert [method.processor_method_id for method in of_server.cardholder.funding_methods.order_by("position")] == [
        f"pm_bench_7_{position}" for position in range(4)
    ]
    assert of_server.cardholder.name == "Bench 7"


@pytest.mark.django_db
def test_a_card_with_history_is_approved_and_charged(filled: list[str]) -> None:
    assert filled
    body = Requests(settings.STRIPE_API_VERSION).body_for(card="ic_bench_9", amount=100, unique="new")

    answer = Client().post(
        "/stripe-webhook",
        data=body,
        content_type="application/json",
        headers={"Stripe-Signature": signed(body.decode())},
    )

    assert answer.json()["approved"] is True
    newest = Decision.objects.select_related("obligation").latest("pk")
    assert (newest.pk, newest.authorization.card.issuer_card_id) == (PURCHASES + 1, "ic_bench_9")
    assert newest.obligation is not None


def test_months_are_those_of_the_cards_zone_and_hold_each_purchase_once() -> None:
    history = History(40_000, 10, dt.datetime(2026, 11, 29, 7, tzinfo=dt.UTC))

    months = history.months()

    assert [number for first, last in months for number in (first, last)][1:-1:2] == [
        first - 1 for first, _ in months[1:]
    ]
    assert (months[0][0], months[-1][1]) == (1, 40_000)
    for first, last in months:
        begins, ends = ((history.since + n * history.step).astimezone(ZoneInfo(ZONE)) for n in (first, last))
        assert (begins.year, begins.month) == (ends.year, ends.month)
    assert len(months) == 25


@pytest.mark.parametrize("count", [1, 2, 7, 990_000])
def test_each_card_is_asked_once_before_one_comes_again(count: int) -> None:
    step = scattered(count)

    assert len({number * step % count for number in range(count)}) == count


def test_ratios_are_of_the_filled_over_the_empty_database() -> None:
    run = a_run(empty={"rps": 1000.0, "p99": 10.0}, full={"rps": 900.0, "p99": 12.0})

    found = run.figures["closed_32_warm"]["full_over_empty"]

    assert (found["rps"], found["p99"], found["cpu_us"]) == (0.9, 1.2, 1.0)
    assert (run.figures["errors"], run.figures["late"]) == (0, 0)
    assert "No statement read a table" in report.tables(run)


def test_a_decline_for_want_of_time_is_no_wrong_answer() -> None:
    reasons = {"deadline_exceeded": 2, "overloaded": 1, "unknown_card": 4}
    run = a_run(full={"declined": 7, "reasons": reasons})

    assert (run.figures["errors"], run.figures["late"]) == (4 * 4, 4 * 3)


def test_a_large_table_that_was_read_as_a_whole_is_named() -> None:
    run = a_run(scans={"audit_entry": 3, "issuing_journal": 3})

    assert run.scans == {"empty": {}, "full": {"audit_entry": 3}}
    assert "full: audit_entry 3 times" in report.tables(run)


def test_bytes_of_a_purchase_are_what_the_tables_grew_by() -> None:
    before = Held({name: Size(0, 1000, 500) for name in OF_PURCHASES}, {})
    after = Held({name: Size(10, 3000, 1500) for name in OF_PURCHASES}, {})

    assert sizes.bytes_of_a_purchase(before, after, 10)["audit_entry"] == (200, 100)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--authorizations", "10"], "at least 1000"),
        (["--cards", "10"], "--empty-cards <= --cards"),
        (["--warm-cards", "0"], "1 <= --warm-cards"),
        (["--rankings", "0"], "--rankings at least 1"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_made(asked: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("scale", *asked)


def a_run(
    *,
    empty: dict[str, Any] | None = None,
    full: dict[str, Any] | None = None,
    scans: dict[str, int] | None = None,
) -> report.Run:
    usual = {
        "rps": 100.0, "p50": 1.0, "p99": 2.0, "approved": 100, "declined": 0, "errors": 0, "cpu_s": 0.1,
        "web_cpu_s": 0.1, "postgres_cpu_s": 0.1, "log_bytes": 1000, "written_out_s": 0.1, "reasons": {},
    }  # fmt: skip
    seen = {
        (f"{load}_{spread}", side): [usual | (figures or {})]
        for load in ("one_connection", "closed_32")
        for spread in ("warm", "cold")
        for side, figures in (("empty", empty), ("full", full))
    }
    held = {name: Size(5000, 1000, 500) for name in OF_PURCHASES} | {"issuing_journal": Size(3, 1000, 500)}
    before, after = Held(held, dict.fromkeys(held, 7)), {name: 7 + (scans or {}).get(name, 0) for name in held}
    return report.Run(seen, {"empty": before, "full": before}, {"empty": before, "full": Held(held, after)})
