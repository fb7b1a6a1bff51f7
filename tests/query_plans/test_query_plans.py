"""Each index costs every purchase, so each is needed; and nothing that runs often reads a whole table.

PostgreSQL itself says so: its plans for all that the product asks, on tables with thousands of rows.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from django.contrib import admin
from django.db import connection, transaction

from issuing import journal
from issuing.authorizations import decision_store
from issuing.history import followed, reading
from issuing.models import Decision
from onecard.kit import row_counts
from tests.query_plans.filled_tables import COLUMNS, default_values, fill
from tests.query_plans.operations import deliveries, domain_calls, filters, pages, searches, sweeps
from tests.query_plans.operations_of_fraud import about_fraud
from tests.query_plans.operations_of_statements import about_rules, about_statements
from tests.query_plans.plans import Seen, counters, explain, watched

# It is one of the longest tests. Tests with a timeout of their own begin first.
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600), pytest.mark.only_in_proofs]

LARGE: Final = {table for table, (rows, _columns) in COLUMNS.items() if rows > 1_000}
# By the beginning of the operation's name, and the table.
MAY_SCAN: Final = {
    ("list admin:", ""): "A person's list counts its rows, offers the values of a filter and sorts by time or name.",
    ("search by words", ""): "Words stand anywhere in a text; an index of their letters would cost every purchase.",
    ("filter ", ""): "A list counts the rows of its filter. Most have many, and an index for each cost every purchase.",
    ("sweep of previews", "issuing_decision"): "On a button: a batch of 2000 decisions by key is most of this table.",
    ("start of the fees", "wallet_posting"): "Once an hour: the newest of all fees, and a fee comes with every charge.",
    (
        "page desk:live",
        "issuing_authorization",
    ): "It reads some hundred rows by their keys: much of this small table.",
    ("page desk:health", ""): "It counts cards by issuer, and rankings.",
    ("evaluation of the alerts", "issuing_cardchange"): "It reads the newest 10 000 by key: all of this small table.",
    ("evaluation of the alerts", "issuing_issuerevent"): "The same.",
    ("start of the comparison", "issuing_virtualcard"): "Once an hour, before every card is compared.",
}
LOOK: Final = reading.LOOK.decode().replace("$1", "%(since)s").replace("$2", "%(most)s")
# Lists whose rows have no id that anybody outside would ask for, or are few.
WITHOUT_ID: Final = {
    "alerts_incident": "An incident is found by its rule and what it is about.",
    "audit_entry": "The trail of a thing is found from the thing, by an index.",
    "issuing_cardstatement": "A statement is found from its card.",
    "issuing_controlpass": "A cardholder's word is found from their card, or by its date.",
    "issuing_disputeevidence": "A file is found from its dispute.",
    "issuing_disputerequest": "What a person asked for is found by their name, or from its case.",
    "issuing_fraudverdict": "A verdict is found by its hook, or from its case.",
    "issuing_spendwindow": "A counter is found by its card.",
    "issuing_syncdifference": "Only what differs is written down.",
    "outbox_message": "A message is found by its topic.",
    "routing_personalrule": "A rule is found from its person.",
    "routing_rankingrow": "A ranking is found by its category and card.",
    "wallet_kycreview": "A check is found by its person.",
    "users_user": "A login is found by a part of its name.",
    "wallet_enteredamount": "People enter them by hand.",
}
NEEDED: Final = {
    "issuing_controlhit_decision": "issuing_keep_verdicts finds the flags of a decision by it, inside a function.",
    "notices_cursor_name": "A handful of rows; Django gives it to each key that is text.",
    "issuing_rollout": "Few rows, written by staff; Django's unique field and many-to-many tables have it.",
    "issuing_reconcilefinding_run": "The report of one run; some rows a night, and never one on a purchase's way.",
    "issuing_notcompared_run": "The same.",
    "users_user_": "Written when staff are named; Django's own user has it.",
    "users_invitation_": "Written when staff are invited.",
    "previews_of_control": "The newest previews of one control, on its page and before it is published.",
    "velocity_entries_in_time": "The sum of a trailing window, inside the statement that commits a decision.",
    "onecard_cache_expires": "Django's cache deletes what has expired by it, while Redis is away.",
}
DECISIONS: Final = ("first round of a purchase", "later round of a purchase")
OURS: Final = "^(alerts|audit|integrations|issuing|notices|onecard|outbox|routing|users|wallet)_"
NAMES: Final = {
    "provider": "stripe", "event_id": "evt_17", "event_type": "issuing_authorization.request", "fingerprint": "f",
    "card_id": "ic_17", "authorization_id": "iauth_17", "earlier_events": ["evt_18"], "earlier_rounds": ["0"],
    "cardholders": ["ich_18"], "blocking_flags": ["sanctions"],
}  # fmt: skip


def test_all_find_their_rows_by_indexes_that_are_all_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Lists page and search these tables as they do the long ones of production.
    monkeypatch.setattr(row_counts, "LONG_FROM", 1_000)
    monkeypatch.setattr(row_counts, "COUNTED_BELOW_COST", 0)
    row_counts.forget()
    fill()
    seen = plans_of_all()
    scans = [(name, table, statement) for name, each in seen.items() for table, statement in each.scans]
    assert [scan for scan in scans if not may_scan(scan[0], scan[1])] == []
    used = set().union(*(each.indexes for each in seen.values()))
    unused = [name for name in non_unique_indexes() if name not in used and not name.startswith(tuple(NEEDED))]
    assert unused == [], unused


def test_large_tables_are_searched_by_their_ids() -> None:
    searched = {model._meta.db_table: room for model, room in admin.site._registry.items() if room.search_fields}
    without = {table for table, room in searched.items() if table in LARGE and not room.search_ids}
    assert without == set(WITHOUT_ID)


def plans_of_all() -> dict[str, Seen]:
    """What PostgreSQL does for each operation, by its name."""
    found = {"read of a decision": Seen(), "read of unknown cards": Seen()}
    explain(found["read of a decision"], decision_store.READ, NAMES)
    with long_journal():
        found["entries of a card in a long journal"] = Seen()
        explain(found["entries of a card in a long journal"], journal.WRITE_OF, [[17], "stripe", ["iauth_17"]])
    asked = [{"provider": "stripe", "id": f"ic_{number}", "place": number} for number in (17, 18)]
    explain(found["read of unknown cards"], decision_store.READ_CARDS.decode().replace("$1", "%s"), [json.dumps(asked)])
    found["look at others' decisions"] = Seen()
    since = {"since": Decision.objects.latest("pk").pk - 9, "most": followed.MOST_DECISIONS}
    explain(found["look at others' decisions"], LOOK, since)
    for operations in (
        sweeps,
        domain_calls,
        about_fraud,
        about_statements,
        about_rules,
        deliveries,
        pages,
        searches,
        filters,
    ):
        for name, operation in operations():
            before = counters()
            with watched() as found[name]:
                operation()
            if name in DECISIONS:
                # Statements inside functions have no plan to show, so the server's own counts of scans are compared.
                more = [table for table, scans in counters().items() if scans > before[table]]
                found[name].scans += [(table, "in a function") for table in more]
    return found


@contextmanager
def long_journal() -> Iterator[None]:
    """As after some minutes in which nobody wrote it out. Usually it is empty, and its one page is read as a whole."""
    before = transaction.savepoint()
    columns = default_values("issuing_journal") | {"event_id": "'evt_' || n", "authorization_id": "n", "card_id": "n"}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO issuing_journal ({', '.join(columns)}) "
            f"SELECT {', '.join(columns.values())} FROM generate_series(1, 20000) AS n"
        )
    yield
    transaction.savepoint_rollback(before)


def may_scan(name: str, table: str) -> bool:
    return table not in LARGE or any(name.startswith(begin) and at in ("", table) for begin, at in MAY_SCAN)


def non_unique_indexes() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
            "JOIN pg_class t ON t.oid = x.indrelid "
            "WHERE t.relnamespace = current_schema()::regnamespace AND NOT indisunique AND t.relname ~ %s "
            "AND NOT i.relispartition ORDER BY 1",
            [OURS],
        )
        return [name for (name,) in cursor.fetchall()]
