"""The page of a customer who has bought twenty thousand times reads each row a few times at most."""

from typing import Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.query_plans.filled_tables import COLUMNS, default_values, fill
from tests.query_plans.row_numbers import PERSON
from tests.support.back_office import logged_in
from wallet.models import Cardholder

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600), pytest.mark.only_in_proofs]

FROM, PURCHASES, CUSTOMER = 100_000, 20_000, 17
# The page adds up what was bought and earned; nothing else of a purchase is read for it.
MOST_ROWS: Final = 6 * PURCHASES
OF_A_PURCHASE: Final = {
    "issuing_issuerevent": {},
    "issuing_authorization": {"created_at": "now() - n * interval '5 minutes'"},
    "wallet_fundingobligation": {},
    "wallet_fundingcharge": {"method_id": str(CUSTOMER - 1)},
    "issuing_decision": {},
    "issuing_cardtransaction": {},
    "issuing_rewardentry": {
        "method_id": str(CUSTOMER - 1),
        "local_month": "(date_trunc('month', now()) - (n %% 12) * interval '1 month')::date",
        "currency": "'USD'",
    },
    "notices_notice": {},
    "audit_entry": {
        "subject_type": "'authorization'",
        "subject_id": "n::text",
        "action": "'authorization.approved'",
        "actor": "'issuer:stripe'",
        "details": "'{}'::jsonb",
    },
}  # fmt: skip


def buy_a_lot() -> None:
    """One person's twenty thousand purchases, each with all its rows, beside those of two thousand people."""
    with connection.cursor() as cursor:
        for table, more in OF_A_PURCHASE.items():
            known = {name: text.replace(PERSON, str(CUSTOMER)) for name, text in COLUMNS.get(table, (0, {}))[1].items()}
            values = default_values(table) | known | more
            cursor.execute(
                f"INSERT INTO {table} (id, {', '.join(values)}) OVERRIDING SYSTEM VALUE "
                f"SELECT n, {', '.join(values.values())} FROM generate_series(%s, %s) AS n",
                [FROM + 1, FROM + PURCHASES],
            )
            cursor.execute(f"ANALYZE {table}")


def test_a_customer_of_twenty_thousand_purchases_reads_few_rows() -> None:
    fill()
    buy_a_lot()
    client = logged_in()
    holder = Cardholder.objects.get(pk=CUSTOMER)
    pages = [reverse("desk:person", args=[holder.public_id])]
    pages += [reverse(f"desk:person-{name}", args=[holder.public_id]) for name in ("purchases", "messages", "history")]
    for page in pages:
        client.get(page)
        before = rows_read()
        with CaptureQueriesContext(connection) as asked:
            assert client.get(page).status_code == 200
        read = rows_read() - before
        print(f"{page}: {read} rows in {len(asked)} statements")
        assert read < MOST_ROWS, page
        assert len(asked) < 80


def rows_read() -> int:
    """How many rows this transaction has read so far, of any table, with and without an index."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(seq_tup_read) + sum(coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables")
        return int(cursor.fetchone()[0])
