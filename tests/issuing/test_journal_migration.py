"""Decisions that wait in the journal while issuing 0033 turns it into columns are written out as they were answered."""

import contextlib
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from psycopg.types.json import Jsonb

from audit.models import Entry
from issuing import journal
from issuing.authorizations import authorize, decision_store
from issuing.models import Authorization, Decision, Hold, IssuerEvent, JournalEntry
from routing.reference import load_missing
from tests.proofs.own_database import connected_to
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import FundingCharge, FundingObligation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs, pytest.mark.timeout(300)]
BEFORE: Final = ("issuing", "0032_stand_in")
# What a decision refers to.
COPIED: Final = (
    "users_user", "wallet_cardholder", "wallet_fundingmethod", "issuing_virtualcard", "routing_rankingrow",
    "routing_rulebook",
)  # fmt: skip


@contextlib.contextmanager
def database_of_before() -> Iterator[MigrationExecutor]:
    """A database that is migrated up to the release before, and the way forward from there."""
    name = f"{connection.settings_dict['NAME']}_journal"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        with connected_to(name):
            executor = MigrationExecutor(connection)
            others = [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] != "issuing"]
            executor.migrate([BEFORE, *others])
            load_missing()
            yield MigrationExecutor(connection)
            connection.close()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


def rows_of(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")
        return [row for (row,) in cursor.fetchall()]


def copied(tables: dict[str, list[str]]) -> None:
    """Puts rows of today into the tables of before, without the columns that came since."""
    with connection.cursor() as cursor:
        # Triggers would count the insertions as changes of the wallet, which makes a proposal stale.
        cursor.execute("SET session_replication_role = replica")
        for table, rows in tables.items():
            cursor.execute(f"DELETE FROM {table}")
            for row in rows:
                cursor.execute(f"INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, %s)", [row])
        cursor.execute("RESET session_replication_role")


def decided_before(proposal: dict[str, Any], body: bytes) -> bytes:
    """The answer that the release before commits to a proposal."""
    facts = Jsonb(proposal | {"original_mac": ""})
    with connection.cursor() as cursor:
        cursor.execute("SELECT outcome, response FROM issuing_record_decision(%s, %s)", [facts, body])
        outcome, response = cursor.fetchone()
    assert outcome == "recorded"
    return bytes(response)


def proposals(asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], bytes]]:
    """What Python proposes to the database about these requests; it is the same in both releases."""
    seen: list[tuple[dict[str, Any], bytes]] = []
    usual = decision_store.record

    def noting(proposal: dict[str, Any], body: bytes, **more: Any) -> Any:
        seen.append((proposal, body))
        return usual(proposal, body, **more)

    with monkeypatch.context() as patch:
        patch.setattr(authorize.decision_store, "record", noting)
        for each in asked:
            assert stripe_events.post(each).status_code == 200
    return seen


def test_entries_of_the_release_before_are_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    good, frozen = walkthrough_card(), walkthrough_card(status="frozen")
    before = {table: rows_of(table) for table in COPIED}
    asked = [
        stripe_events.authorization_request(card=card.issuer_card_id, amount=amount)
        for card, amount in ((good, 4500), (frozen, 700), (good, 1200))
    ]
    proposed = proposals(asked, monkeypatch)
    assert len(proposed) == 3
    with database_of_before() as executor:
        copied(before)
        answers = [decided_before(proposal, body) for proposal, body in proposed]
        assert not Decision.objects.exists()

        executor.migrate([leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] == "issuing"])
        assert JournalEntry.objects.count() == 3
        assert journal.write_waiting() == 3

        decisions = Decision.objects.order_by("pk")
        assert [bytes(each.response) for each in decisions] == answers
        assert [(each.approved, each.amount_minor, each.decline_reason) for each in decisions] == [
            (True, 4500, ""), (False, 700, "card_not_active"), (True, 1200, ""),
        ]  # fmt: skip
        names = [each["data"]["object"]["id"] for each in asked]
        assert list(Authorization.objects.order_by("pk").values_list("issuer_authorization_id", flat=True)) == names
        assert list(IssuerEvent.objects.order_by("pk").values_list("event_id", flat=True)) == [e["id"] for e in asked]
        assert sorted(Hold.objects.values_list("amount_minor", "status")) == [(1200, "placed"), (4500, "placed")]
        assert FundingObligation.objects.count() == FundingCharge.objects.count() == 2
        assert set(FundingCharge.objects.values_list("method__network", flat=True)) == {"mastercard"}
        assert Entry.objects.filter(action__startswith="authorization.").count() == 3
        # Each question again has its own answer, and nothing is written a second time.
        assert [stripe_events.post(each).content for each in asked] == answers
        assert (journal.write_waiting(), Decision.objects.count()) == (0, 3)
