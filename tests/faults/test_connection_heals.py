"""No statement that fails leaves a connection behind that declines every later purchase."""

import itertools

import pytest
from django.db import connection, connections

from issuing.models import Decision
from tests.faults.connections import administrator, buy, failing_statement, on_a_fresh_connection
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card

pytestmark = [pytest.mark.only_in_proofs, pytest.mark.django_db(transaction=True)]


# What PostgreSQL itself says in each case, raised inside the statement by the server.
FAILURES = {
    "lock time-out": "55P03",
    "statement time-out": "57014",
    "disk full": "53100",
    "deadlock": "40P01",
    "serialization failure": "40001",
    "a bug in a trigger": "XX000",
}


USES = 10


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_at_any_early_use_of_a_connection_is_survived(name: str) -> None:
    card = walkthrough_card().issuer_card_id
    with administrator() as admin:
        for use in range(USES):

            def one_life(failing_use: int = use) -> list[bool]:
                answers = [buy(card)["approved"] for _ in range(failing_use)]
                with failing_statement(admin, table="issuing_journal", sqlstate=FAILURES[name]):
                    answers.append(buy(card)["approved"])
                return [*answers, *(buy(card)["approved"] for _ in range(2))]

            expected = [True] * use + [False] + [True] * 2
            assert on_a_fresh_connection(one_life) == expected, f"use {use + 1}"


def test_a_read_that_fails_at_any_early_use_is_survived() -> None:
    card = walkthrough_card().issuer_card_id
    with administrator() as admin:
        for use in range(USES):

            def one_life(failing_use: int = use) -> list[bool]:
                answers = [buy(card)["approved"] for _ in range(failing_use)]
                admin.execute("ALTER TABLE routing_rulebook RENAME TO hidden_rulebook")
                try:
                    answers.append(buy(card)["approved"])
                finally:
                    admin.execute("ALTER TABLE hidden_rulebook RENAME TO routing_rulebook")
                return [*answers, *(buy(card)["approved"] for _ in range(2))]

            assert on_a_fresh_connection(one_life) == [True] * use + [False] + [True] * 2, f"use {use + 1}"


def test_a_server_that_ends_the_connection_at_any_use_costs_no_purchase() -> None:
    card = walkthrough_card().issuer_card_id
    with administrator() as admin:
        for use in range(USES):

            def one_life(failing_use: int = use) -> list[bool]:
                answers = [buy(card)["approved"] for _ in range(failing_use)]
                pid = connection.connection.info.backend_pid if connection.connection else 0
                admin.execute("SELECT pg_terminate_backend(%s)", [pid])
                return [*answers, *(buy(card)["approved"] for _ in range(2))]

            assert on_a_fresh_connection(one_life) == [True] * (use + 2), f"use {use + 1}"


@pytest.mark.parametrize("what", ["DEALLOCATE ALL", "DISCARD ALL"])
def test_lost_prepared_statements_cost_no_purchase(what: str) -> None:
    card = walkthrough_card().issuer_card_id
    for use in range(USES):

        def one_life(losing_use: int = use) -> list[bool]:
            answers = [buy(card)["approved"] for _ in range(losing_use)]
            if connection.connection is not None:
                connection.connection.pgconn.exec_(what.encode())  # Past psycopg, which would take note of it.
            return [*answers, *(buy(card)["approved"] for _ in range(2))]

        assert on_a_fresh_connection(one_life) == [True] * (use + 2), f"use {use + 1}"


def test_names_that_are_taken_already_cost_no_purchase() -> None:
    card = walkthrough_card().issuer_card_id

    def one_life() -> list[bool]:
        connection.ensure_connection()
        for number in range(5):
            connection.connection.pgconn.exec_(f"PREPARE _pg3_{number} AS SELECT {number}".encode())
        return [buy(card)["approved"] for _ in range(3)]

    assert on_a_fresh_connection(one_life) == [True] * 3


def test_failures_on_end_leave_no_plans_behind_in_the_server() -> None:
    card = walkthrough_card().issuer_card_id

    def one_life() -> int:
        with administrator() as admin, failing_statement(admin, table="issuing_journal", sqlstate="53100"):
            assert not any(buy(card)["approved"] for _ in range(12))
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            return int(cursor.fetchone()[0])

    assert on_a_fresh_connection(one_life) <= 4


def test_the_time_limit_of_a_decision_stays_on_no_connection() -> None:
    card = walkthrough_card().issuer_card_id
    with administrator() as admin:

        def one_life() -> list[str]:
            shown = []
            for fails in itertools.islice(itertools.cycle([False, True]), 6):
                if fails:
                    with failing_statement(admin, table="issuing_journal", sqlstate="55P03"):
                        buy(card)
                else:
                    buy(card)
                with connection.cursor() as cursor:
                    cursor.execute("SHOW statement_timeout")
                    shown.append(cursor.fetchone()[0])
            return shown

        assert set(on_a_fresh_connection(one_life)) == {"1min"}


def test_a_worker_replaces_a_connection_that_lost_its_statements() -> None:
    def one_life() -> int:
        for _ in range(8):
            Decision.objects.filter(pk=1).exists()
        connection.connection.pgconn.exec_(b"DISCARD ALL")
        with pytest.raises(Exception, match="does not exist"):
            Decision.objects.filter(pk=1).exists()
        # As Django does before the next request, and Celery before the next task.
        connections["default"].close_if_unusable_or_obsolete()
        return Decision.objects.filter(pk=1).count()

    assert on_a_fresh_connection(one_life) == 0


def test_a_connection_to_a_server_that_only_reads_now_is_replaced() -> None:
    """After a failover the old server may keep its connections and turn read-only; a new one finds the other."""
    card = walkthrough_card().issuer_card_id

    def one_life() -> list[bool]:
        answers = []
        for _ in range(2):
            answers += [buy(card)["approved"] for _ in range(2)]
            connection.connection.pgconn.exec_(b"SET default_transaction_read_only = on")
        return [*answers, buy(card)["approved"]]

    assert on_a_fresh_connection(one_life) == [True] * 5


def test_read_only_servers_decline_purchases_and_refuse_events() -> None:
    card = walkthrough_card().issuer_card_id
    with administrator() as admin:
        name = connection.settings_dict["NAME"]

        def one_life() -> tuple[list[bool], int]:
            admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
            try:
                declined = [buy(card)["approved"] for _ in range(3)]
                news = stripe_events.post(stripe_events.event("issuing_card.updated", {"id": "ic_1"}))
            finally:
                admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
            return [*declined, *(buy(card)["approved"] for _ in range(2))], news.status_code

        assert on_a_fresh_connection(one_life) == ([False] * 3 + [True] * 2, 503)


def test_a_database_that_refuses_connections_costs_only_its_own_time() -> None:
    card = walkthrough_card().issuer_card_id

    def one_life() -> list[bool]:
        connection.settings_dict = {**connection.settings_dict, "HOST": "127.0.0.1", "PORT": "1"}
        refused = [buy(card)["approved"] for _ in range(2)]
        connection.settings_dict = connections.settings["default"]
        return [*refused, buy(card)["approved"]]

    assert on_a_fresh_connection(one_life) == [False, False, True]
