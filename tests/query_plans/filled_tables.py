"""Tables with enough rows that PostgreSQL reads them by their indexes: made by the server, one statement a table.

Row n of a table belongs to row n of the others. Most rows are history; every thousandth is work for a sweep.
"""

from typing import Final

from django.db import connection

from tests.query_plans.filled_controls import OF_CONTROLS
from tests.query_plans.filled_money import OF_MONEY
from tests.query_plans.filled_notices import OF_NOTICES
from tests.query_plans.filled_rankings import OF_RANKINGS
from tests.query_plans.filled_statements import OF_STATEMENTS
from tests.query_plans.new_files import begin_anew
from tests.query_plans.row_numbers import A_FEW, DUE, KEYS, LATELY, MONTHS, PEOPLE, PERSON, PURCHASES, SOME_DUE

# What a column gets for which a table below names nothing.
BY_TYPE: Final = {
    "boolean": "false",
    "bytea": "''::bytea",
    "date": "date '2026-06-01'",
    "jsonb": "'{}'::jsonb",
    # From the first of a month on, so that the first rows are not almost alone in their partition.
    "timestamp with time zone": "date_trunc('month', now() - interval '62 days') + n * interval '1 minute'",
    "uuid": "gen_random_uuid()",
    "ARRAY": "ARRAY['USD']::varchar[]",
}
NUMBERS: Final = {"bigint", "integer", "smallint", "numeric"}
INTENDED_OR_DONE: Final = f"CASE WHEN {DUE} THEN 'intended' ELSE 'done' END"

COLUMNS: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "users_user": (PEOPLE, {"username": "'u' || n", "email": "'u' || n || '@example.com'", "is_active": "true"}),
    "wallet_cardholder": (
        PEOPLE,
        {
            "user_id": "n",
            "name": "'Person ' || n",
            "kyc_status": "'verified'",
            "time_zone": "'America/New_York'",
            "preference": "'cash'",
            "legal_last_name": "'Person ' || n",
            "phone": "'+1415' || lpad(n::text, 7, '0')",
            "processor_customer_id": "'cus_' || n",
            "compliance_flags": "'{}'::varchar[]",
            "kyc_due_at": f"CASE WHEN {DUE} THEN {SOME_DUE} END",
        },
    ),
    "wallet_kycreview": (
        PEOPLE,
        {"cardholder_id": "n", "status": f"CASE WHEN {DUE} THEN 'pending' ELSE 'verified' END"},
    ),
    "wallet_kycevent": (
        3 * PEOPLE,
        {"cardholder_id": PERSON, "from_status": "'pending'", "to_status": "'verified'", "asked": "'[]'::jsonb"},
    ),
    "wallet_fundingmethod": (
        3 * PEOPLE,
        {
            "cardholder_id": PERSON,
            "network": "'visa'",
            "name": "'Card ' || n",
            "last_four": "lpad((n %% 10000)::text, 4, '0')",
            "expiry_month": "12",
            "expiry_year": "2090",
            "processor_method_id": "'pm_' || n",
            "status": "'active'",
        },
    ),
    "wallet_cardsetup": (
        2 * PEOPLE,
        {
            "cardholder_id": PERSON,
            "status": "CASE WHEN n %% 2 = 0 THEN 'open' ELSE 'refused' END",
            "processor_setup_id": "'seti_' || n",
            "next_attempt_at": f"CASE WHEN {DUE} THEN {SOME_DUE} END",
        },
    ),
    "wallet_carddetachment": (
        PEOPLE,
        {
            "cardholder_id": "n",
            "processor_method_id": "'pm_gone_' || n",
            "status": f"CASE WHEN {DUE} THEN 'intended' ELSE 'done' END",
            "next_attempt_at": f"CASE WHEN {DUE} THEN {SOME_DUE} END",
        },
    ),
    "issuing_virtualcard": (
        PEOPLE,
        {
            "cardholder_id": "n",
            "card_type": "'visa'",
            "status": "'active'",
            "issuer_provider": "'stripe'",
            "issuer_card_id": "'ic_' || n",
            "last_four": "lpad((n %% 10000)::text, 4, '0')",
            "expiry_month": "12",
            "expiry_year": "2090",
            "currency": "'USD'",
            "per_transaction_limit_minor": "10000000",
            "daily_limit_minor": "10000000",
            "monthly_limit_minor": "100000000",
            "compliance_flags": "'[]'::jsonb",
            "comparison_due_at": f"CASE WHEN {DUE} THEN {SOME_DUE} END",
        },
    ),
    "issuing_issueraccount": (
        PEOPLE,
        {"cardholder_id": "n", "provider": "'stripe'", "issuer_cardholder_id": "'ich_' || n"},
    ),
    "issuing_profileupdate": (
        A_FEW,
        {"account_id": "n", "status": INTENDED_OR_DONE, "next_attempt_at": f"CASE WHEN {DUE} THEN {SOME_DUE} END"},
    ),
    "issuing_spendwindow": (
        3 * PEOPLE,
        {
            "card_id": PERSON,
            "kind": "'day'",
            "starts_at": f"now() - (10 + n / {PEOPLE}) * interval '1 day'",
            "ends_at": f"now() - (9 + n / {PEOPLE}) * interval '1 day'",
        },
    ),
    "issuing_issuerevent": (
        PURCHASES,
        {
            "provider": "'stripe'",
            "event_id": "'evt_' || n",
            "event_type": "'issuing_authorization.request'",
            "object_id": "'iauth_' || n",
            "status": f"CASE WHEN {DUE} THEN 'received' ELSE 'handled' END",
        },
    ),
    "issuing_eventbody": (PURCHASES, {}),
    "issuing_authorization": (
        PURCHASES,
        {
            "provider": "'stripe'",
            "issuer_authorization_id": "'iauth_' || n",
            "card_id": PERSON,
            "status": "'settled'",
            "approved_minor": "4500",
            "currency": "'USD'",
            "mcc": "'5812'",
            "merchant_name": "'Shop ' || n %% 500",
            "settle_due_at": f"CASE WHEN {DUE} THEN {SOME_DUE} END",
        },
    ),
    "wallet_fundingobligation": (
        PURCHASES,
        {
            "cardholder_id": PERSON,
            "reference": "'decision:' || n",
            "purchase": "'authorization:' || n",
            "amount_minor": "4500",
            "currency": "'USD'",
            "policy": "'charge_now'",
            "status": f"CASE WHEN {DUE} THEN 'failed' WHEN n %% 1000 = 1 THEN 'open' ELSE 'funded' END",
        },
    ),
    "wallet_fundingcharge": (
        PURCHASES,
        {
            "obligation_id": "n",
            "method_id": "n",
            "sequence": "1",
            "idempotency_key": "'charge:' || n",
            "processor_charge_id": "'pi_' || n",
            "status": f"CASE WHEN {DUE} THEN 'declined' WHEN n %% 2000 = 1 THEN 'requires_action' "
            "WHEN n %% 1000 = 1 THEN 'unknown' ELSE 'succeeded' END",
            "next_attempt_at": f"CASE WHEN n %% 1000 = 1 THEN {SOME_DUE} END",
            "finished_at": "now() - interval '90 days' + n * interval '21 minutes'",
        },
    ),
    "issuing_decision": (
        PURCHASES,
        {
            "event_id": "n",
            "authorization_id": "n",
            "obligation_id": "n",
            "round_key": "'0'",
            "approved": "true",
            "amount_minor": "4500",
            "currency": "'USD'",
        },
    ),
    "issuing_hold": (
        PURCHASES,
        {
            "decision_id": "n",
            "authorization_id": "n",
            "day_id": "n",
            "month_id": "n",
            "amount_minor": "4500",
            "status": "'released'",
        },
    ),
    "issuing_cardhistory": (PEOPLE, {"recent": "'[]'", "last_present": "NULL"}),
    "issuing_fraudverdict": (
        PURCHASES,
        {
            "decision_id": "n",
            "card_id": PERSON,
            "hook": "'card_testing'",
            "outcome": "'flag'",
            "case_id": "CASE WHEN n %% 500 = 0 THEN n / 500 END",
            "decided_at": "now() - interval '90 days' + n * interval '12 minutes'",
        },
    ),
    "issuing_balanceuse": (A_FEW, {"authorization_id": "n", "card_id": PERSON, "amount_minor": "100"}),
    "issuing_cardtransaction": (
        PURCHASES,
        {
            "provider": "'stripe'",
            "issuer_transaction_id": "'ipi_' || n",
            "issuer_authorization_id": "'iauth_' || n",
            "card_id": PERSON,
            "authorization_id": "n",
            "transaction_type": "'settlement'",
            "processing_status": "'settled'",
            "source": "'webhook'",
            "amount_minor": "4500",
            "currency": "'USD'",
            "merchant_name": "'Shop ' || n %% 500",
        },
    ),
    **OF_MONEY,
    "issuing_rewardentry": (
        PURCHASES,
        {
            "key": "'charge:' || n",
            "kind": "'charge'",
            "purchase_id": "n",
            "charge_id": "n",
            "method_id": "n",
            "amount_minor": "4500",
            "currency": "'USD'",
            "local_month": "date '2020-01-01' + 31 * (n / 100)",
            "earned_at": "now() - interval '90 days' + n * interval '21 minutes'",
        },
    ),
    "wallet_case": (
        2 * A_FEW,
        {
            "kind": "CASE WHEN n %% 500 = 0 THEN 'receivable' ELSE 'reconciliation' END",
            "status": "CASE WHEN n %% 100 = 0 THEN 'open' ELSE 'resolved' END",
            "reference": "'obligation:' || n",
            "obligation_id": "n",
            "owner_id": f"CASE WHEN n %% 30 = 0 THEN {PERSON} END",
            "amount_minor": "4500",
            "currency": "'USD'",
        },
    ),
    "wallet_personnote": (3 * PEOPLE, {"cardholder_id": PERSON, "author_id": PERSON, "text": "'Called.'"}),
    "wallet_casenote": (A_FEW, {"case_id": "n", "author_id": "n"}),
    "issuing_dispute": (
        A_FEW,
        {
            "provider": "'stripe'",
            "issuer_dispute_id": "'idp_' || n",
            "issuer_transaction_id": "'ipi_' || n",
            "transaction_id": "n",
            "authorization_id": "n",
            "status": "'won'",
            "currency": "'USD'",
            "closed_at": "now()",
        },
    ),
    "issuing_disputerequest": (
        A_FEW,
        {
            "cardholder_id": PERSON,
            "authorization_id": "n",
            "transaction_id": "n",
            "reason": "'not_received'",
            "text": "'It never arrived ' || n",
            "amount_minor": "4500",
            "currency": "'USD'",
            "status": "CASE WHEN n %% 500 = 0 THEN 'accepted' WHEN n %% 500 = 1 THEN 'requested' ELSE 'refused' END",
            "due_at": "now() + interval '90 days' - n * interval '1 hour'",
            "next_attempt_at": f"CASE WHEN n %% 500 = 0 THEN {SOME_DUE} END",
        },
    ),
    "issuing_disputeevidence": (
        A_FEW,
        {"request_id": "n", "name": "'letter.pdf'", "kind": "'application/pdf'", "size_bytes": "9"},
    ),
    "wallet_fundingdispute": (
        A_FEW,
        {
            "charge_id": "n",
            "processor_dispute_id": "'du_' || n",
            "processor_charge_id": "'pi_' || n",
            "status": "'won'",
            "amount_minor": "4500",
            "currency": "'USD'",
            "closed_at": "now()",
        },
    ),
    "issuing_cardchange": (
        PURCHASES,
        {
            "card_id": PERSON,
            "kind": "'limits'",
            "status": f"CASE WHEN {DUE} THEN 'intended' ELSE 'done' END",
            "next_attempt_at": f"CASE WHEN {DUE} THEN {SOME_DUE} END",
        },
    ),
    "issuing_cardfunding": (
        A_FEW,
        {
            "card_id": "n",
            "source_id": "n",
            "obligation_id": "n",
            "request_key": "'key' || n",
            "amount_minor": "4500",
            "currency": "'USD'",
            "status": "CASE WHEN n %% 500 = 0 THEN 'requested' ELSE 'credited' END",
        },
    ),
    "wallet_carriedamount": (
        A_FEW,
        {
            "cardholder_id": "n",
            "purchase": "'authorization:' || n",
            "amount_minor": "10",
            "currency": "'USD'",
            "status": "CASE WHEN n %% 50 = 0 THEN 'waiting' ELSE 'paid' END",
            "carrier_id": "CASE WHEN n %% 50 <> 0 THEN n END",
        },
    ),
    "wallet_enteredamount": (
        A_FEW,
        {
            "kind": "'limits'",
            "reference": "'virtualcard:' || n",
            "cardholder_id": "n",
            "currency": "'USD'",
            "status": "'applied'",
            "entered_by_id": "n",
            "ended_at": "now()",
        },
    ),
    "issuing_syncrun": (100, {"provider": "'stripe'", "status": "'finished'", "stage": "'events'"}),
    "issuing_syncdifference": (
        A_FEW,
        {"run_id": "(n %% 100) + 1", "card_id": "n", "provider": "'stripe'", "reference": "'ic_' || n"},
    ),
    "issuing_legacydocument": (A_FEW, {"kind": "'virtual_card'", "legacy_id": "'old' || n", "card_id": "n"}),
    **OF_STATEMENTS,
    **OF_RANKINGS,
    **OF_CONTROLS,
    **OF_NOTICES,
    "outbox_message": (
        PURCHASES,
        {"topic": "'funding.requested'", "published_at": f"CASE WHEN NOT {DUE} THEN now() END"},
    ),
    "audit_entry": (
        2 * PURCHASES,
        {
            "actor": "'user:' || n %% 50",
            "action": "CASE WHEN n %% 100 = 0 THEN 'card_data.reveal' ELSE 'case.opened' END",
            "subject_type": "'case'",
            "subject_id": "n::text",
            "recorded_at": LATELY,
        },
    ),
}


def fill() -> None:
    """Fills every table of COLUMNS and counts it for the planner; in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(MONTHS.format(days=100))
        begin_anew(cursor, COLUMNS)
        for table, (rows, columns) in COLUMNS.items():
            values, key = default_values(table) | columns, KEYS.get(table, "id")
            cursor.execute(
                f"INSERT INTO {table} ({key}, {', '.join(values)}) OVERRIDING SYSTEM VALUE "
                f"SELECT n, {', '.join(values.values())} FROM generate_series(1, %s) AS n",
                [rows],
            )
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), %s)", [rows])
            cursor.execute(f"ANALYZE {table}")
        # Now, where there is time: the decision checks all that is waiting, within its deadline.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def default_values(table: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s "
            "AND is_nullable = 'NO' AND column_default IS NULL AND column_name <> %s",
            [table, KEYS.get(table, "id")],
        )
        return {name: "1" if kind in NUMBERS else BY_TYPE.get(kind, "''") for name, kind in cursor.fetchall()}
