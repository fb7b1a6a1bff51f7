"""The rows of postings, refunds and our own money, for tests/query_plans/filled_tables.py."""

from typing import Final

from tests.query_plans.row_numbers import A_FEW, PURCHASES, SOME_DUE

OF_MONEY: Final[dict[str, tuple[int, dict[str, str]]]] = {
    "wallet_posting": (
        2 * PURCHASES,
        {
            "key": "CASE n %% 4 WHEN 0 THEN 'fee:' WHEN 1 THEN 'charge:' WHEN 2 THEN 'refund:' "
            "ELSE 'card_transaction:' END || n",
            "kind": "CASE WHEN n %% 500 = 0 THEN 'carried_written_off' ELSE 'charge' END",
            "debit": "'cardholder'",
            "credit": "'processor'",
            "amount_minor": "4500",
            "currency": "'USD'",
            "reference": "'authorization:' || n",
        },
    ),
    "wallet_fundingrefund": (
        A_FEW,
        {
            "obligation_id": "n",
            "charge_id": "n",
            "amount_minor": "100",
            "idempotency_key": "'refund:' || n",
            "processor_refund_id": "'re_' || n",
            "status": "CASE WHEN n %% 500 = 0 THEN 'unknown' ELSE 'succeeded' END",
            "next_attempt_at": f"CASE WHEN n %% 500 = 0 THEN {SOME_DUE} END",
            "finished_at": "now() - interval '90 days' + n * interval '84 minutes'",
        },
    ),
    "wallet_owntransfer": (
        A_FEW,
        {
            "provider": "'stripe'",
            "processor_transfer_id": "'tu_' || n",
            "kind": "'top_up'",
            "balance": "'issuing'",
            "status": "CASE WHEN n %% 500 = 0 THEN 'pending' ELSE 'arrived' END",
            "amount_minor": "100",
            "currency": "'USD'",
            "is_booked": "n %% 500 <> 0",
            "created_at": "now() - interval '90 days' + n * interval '84 minutes'",
        },
    ),
}
