"""Cards are found by their indexes also with a plan that is made once for all cards, and before they were counted."""

import json
import re

import psycopg
import pytest
from django.db import connection

from issuing import locking
from issuing.authorizations import decision_store
from onecard.kit.transactions import transaction
from tests.proofs.scale import cards, filling
from tests.query_plans.plans import Seen, watched

pytestmark = pytest.mark.django_db
ASKED = {
    "provider": "stripe", "event_id": "evt_1", "event_type": "x", "fingerprint": "f", "card_id": "ic_1",
    "authorization_id": "iauth_1", "earlier_events": ["evt_0"], "earlier_rounds": ["0"], "cardholders": ["ich_1"],
}  # fmt: skip
CARD_BY_ID = "one_card_per_issuer_id"


def test_a_decision_reads_its_card_by_index_whichever_it_is() -> None:
    many_cards()
    places = {name: f"${number}" for number, name in enumerate(ASKED, start=1)}
    statement = re.sub(r"%\((\w+)\)s", lambda found: places[found[1]], decision_store.READ)

    seen = planned_once(statement, list(ASKED.values()))

    assert CARD_BY_ID in seen.indexes
    assert "issuing_virtualcard" not in {table for table, _ in seen.scans}


def test_unknown_cards_are_read_by_index_before_there_are_statistics() -> None:
    many_cards()
    wanted = json.dumps([{"provider": "stripe", "id": "ic_1", "place": 0}])

    seen = planned_once(decision_store.READ_CARDS.decode(), [wanted], by_index=False)

    assert {CARD_BY_ID, "wallet_cardholder_pkey"} <= seen.indexes
    assert not {"issuing_virtualcard", "wallet_cardholder"} & {table for table, _ in seen.scans}


def test_cards_are_locked_by_index_before_there_are_statistics() -> None:
    many_cards()

    with watched() as seen, transaction():
        locking.lock_cards([17])

    assert "card_that_came_after" in seen.indexes
    assert "issuing_virtualcard" not in {table for table, _ in seen.scans}


def many_cards() -> None:
    """In an empty table each index is as good as another."""
    wanted = ("wallet_cardholder", "issuing_virtualcard")
    list(filling.fill([each for each in cards.cards(0, 19_999) if each.name in wanted], lambda _label, _count: None))


def planned_once(statement: str, values: list[object], *, by_index: bool = True) -> Seen:
    """Returns what a plan does that knows no values; `by_index` sets what the statement of a thread sets."""
    seen = Seen()
    # The server takes no parameters in these two statements.
    with psycopg.ClientCursor(connection.connection) as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"SET LOCAL enable_seqscan = {'off' if by_index else 'on'}")
        cursor.execute(f"PREPARE planned_once AS {statement}")
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE planned_once({', '.join(['%s'] * len(values))})", values)
        ((plans,),) = cursor
        seen.read((json.loads(plans) if isinstance(plans, str) else plans)[0]["Plan"], statement)
        cursor.execute("DEALLOCATE planned_once")
    return seen
