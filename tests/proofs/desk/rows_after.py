"""What follows from the purchases of the filled database (tests/proofs/desk/rows.py)."""

from collections.abc import Iterator

from tests.proofs.desk.table import CAPTURED, PAID, Table, one_of


def funding(purchases: int, person: str, at: str, amount: str, merchant: str) -> Iterator[Table]:
    """What purchases cost: obligations, charges, refunds and rewards."""
    failed = "n %% 4000 = 11"
    yield Table(
        "wallet_fundingobligation",
        purchases,
        {
            "cardholder_id": person,
            "reference": "'decision:' || n",
            "purchase": "'authorization:' || n",
            "description": merchant,
            "amount_minor": amount,
            "currency": "'USD'",
            "policy": "'charge_now'",
            "status": f"CASE WHEN {failed} THEN 'failed' ELSE 'funded' END",
            "created_at": at,
            "updated_at": at,
        },
        where=PAID,
    )
    for sequence, which in ((1, PAID), (2, f"{PAID} AND n %% 40 = 11 AND NOT {failed}")):
        fails = f"{failed} OR n %% 40 = 11" if sequence == 1 else "false"
        yield Table(
            "wallet_fundingcharge",
            purchases,
            {
                "obligation_id": "n",
                "method_id": f"3 * {person} - (n + {sequence}) %% 3",
                "sequence": str(sequence),
                "idempotency_key": f"'charge:' || n || ':{sequence}'",
                "processor_charge_id": f"'pi_' || n || '_{sequence}'",
                "status": f"CASE WHEN {fails} THEN 'declined' ELSE 'succeeded' END",
                "failure_code": f"CASE WHEN {fails} THEN 'insufficient_funds' ELSE '' END",
                "attempts": "1",
                "finished_at": at,
                "created_at": at,
                "updated_at": at,
            },
            where=which,
            id=f"n + {(sequence - 1) * 10 * purchases}",
        )
    yield Table(
        "wallet_fundingrefund",
        purchases,
        {
            "obligation_id": "n",
            "charge_id": "n",
            "amount_minor": "100 + n %% 50",
            "reason": "'The merchant gave back a part.'",
            "idempotency_key": "'refund:' || n",
            "processor_refund_id": "'re_' || n",
            "status": "'succeeded'",
            "finished_at": at,
            "created_at": at,
            "updated_at": at,
        },
        where=f"{CAPTURED} AND n %% 30 = 7",
    )
    yield Table(
        "issuing_rewardentry",
        purchases,
        {
            "key": "'charge:' || n",
            "kind": "'charge'",
            "programme": one_of(("Citi Double Cash", "Sapphire Preferred", "Amex Gold", "Venture X")),
            "reward_type": one_of(("cash", "points")),
            "purchase_id": "n",
            "charge_id": "n",
            "method_id": f"3 * {person} - (n + 1) %% 3",
            "amount_minor": amount,
            "currency": "'USD'",
            "mcc": one_of(("5411", "5812", "5541", "4121", "4511", "5912", "5311", "7011", "5732")),
            "units_micro": f"{amount} * 20000",
            "value_low_micro": f"{amount} * 100",
            "value_face_micro": f"{amount} * 200",
            "value_high_micro": f"{amount} * 300",
            "baseline_micro": f"{amount} * 100",
            "local_month": f"date_trunc('month', {at})::date",
            "earned_at": at,
            "recorded_at": at,
        },
        where=f"{PAID} AND n %% 4000 <> 11",
    )


def clearing(purchases: int, person: str, at: str, amount: str, merchant: str, mcc: str) -> Iterator[Table]:
    """What merchants took and gave back, and its postings."""
    for kind, which, minor, number in (
        ("settlement", CAPTURED, amount, 0),
        ("refund", f"{CAPTURED} AND n %% 30 = 7", "100 + n %% 50", 10),
    ):
        yield Table(
            "issuing_cardtransaction",
            purchases,
            {
                "provider": "'stripe'",
                "issuer_transaction_id": f"'ipi_' || n || '_{kind[0]}'",
                "issuer_authorization_id": "'iauth_' || n",
                "card_id": person,
                "authorization_id": "n",
                "transaction_type": f"'{kind}'",
                "processing_status": "'settled'",
                "source": "'webhook'",
                "amount_minor": minor,
                "currency": "'USD'",
                "mcc": mcc,
                "merchant_name": merchant,
                "occurred_at": f"{at} + interval '1 day'",
                "recorded_at": f"{at} + interval '1 day'",
            },
            where=which,
            id=f"n + {number * purchases}",
        )
    for kind, debit, credit, which in (
        ("charge", "processor", "purchases", PAID),
        ("capture", "purchases", "issuer", CAPTURED),
    ):
        yield Table(
            "wallet_posting",
            purchases,
            {
                "key": f"'{kind}:' || n",
                "kind": f"'{kind}'",
                "debit": f"'{debit}'",
                "credit": f"'{credit}'",
                "amount_minor": amount,
                "currency": "'USD'",
                "reference": "'authorization:' || n",
                "occurred_at": at,
                "recorded_at": at,
            },
            where=which,
            id=f"n + {10 * purchases if kind == 'capture' else 0}",
        )


def work(purchases: int, person: str, at: str) -> Iterator[Table]:
    """What waits for people: cases, disputes, card changes, entered amounts."""
    yield Table(
        "wallet_case",
        purchases,
        {
            "kind": "CASE WHEN n %% 4000 = 11 THEN 'receivable' ELSE 'reconciliation' END",
            "status": "CASE WHEN n %% 4000 = 11 THEN 'open' ELSE 'resolved' END",
            "reference": "'obligation:' || n",
            "summary": "'The funding card was declined, and no other card paid.'",
            "obligation_id": f"CASE WHEN {PAID} THEN n END",
            "amount_minor": "4500",
            "currency": "'USD'",
            "opened_at": at,
            "resolved_at": f"CASE WHEN n %% 4000 <> 11 THEN {at} END",
        },
        where="n %% 80 = 11",
    )
    yield Table(
        "issuing_dispute",
        purchases,
        {
            "provider": "'stripe'",
            "issuer_dispute_id": "'idp_' || n",
            "issuer_transaction_id": "'ipi_' || n || '_s'",
            "transaction_id": "n",
            "authorization_id": "n",
            "status": one_of(("won", "lost", "submitted")),
            "amount_minor": "4500",
            "currency": "'USD'",
            "opened_at": at,
        },
        where="n %% 500 = 5",
    )
    yield Table(
        "issuing_disputerequest",
        purchases,
        {
            "cardholder_id": person,
            "authorization_id": "n",
            "transaction_id": "n",
            "reason": "'not_received'",
            "text": "'It never arrived.'",
            "amount_minor": "4500",
            "currency": "'USD'",
            "status": "CASE WHEN n %% 5000 = 5 THEN 'requested' ELSE 'refused' END",
            "created_at": at,
        },
        where="n %% 500 = 5",
    )
    yield Table(
        "wallet_fundingdispute",
        purchases,
        {
            "charge_id": "n",
            "processor_dispute_id": "'du_' || n",
            "processor_charge_id": "'pi_' || n || '_1'",
            "status": "'won'",
            "amount_minor": "4500",
            "currency": "'USD'",
            "opened_at": at,
        },
        where="n %% 1000 = 5",
    )
    yield Table(
        "issuing_cardchange",
        purchases,
        {
            "card_id": person,
            "kind": one_of(("limits", "freeze", "unfreeze")),
            "status": "'done'",
            "requested_by": "'user:1'",
            "created_at": at,
        },
        where="n %% 10 = 3",
    )
    yield Table(
        "issuing_controlhit",
        purchases,
        {
            "version_id": "1",
            "decision_id": "n",
            "action": one_of(("decline", "flag"), "n / 20"),
            "in_shadow": "n %% 40 = 4",
            "amount_minor": "4500",
            "currency": "'USD'",
            "hit_at": at,
        },
        where="n %% 20 = 4",
    )
    yield Table(
        "wallet_enteredamount",
        purchases,
        {
            "kind": "'limits'",
            "reference": f"'virtualcard:' || {person}",
            "cardholder_id": person,
            "currency": "'USD'",
            "status": "'applied'",
            "entered_by_id": "1",
            "ended_at": at,
            "entered_at": at,
        },
        where="n %% 500 = 6",
    )


def evidence(purchases: int, people: int, person: str, at: str) -> Iterator[Table]:
    """What is told and written down: notices, webhooks, messages, the trail."""
    yield Table(
        "notices_notice",
        purchases,
        {
            "user_id": person,
            "kind": "'purchase_approved'",
            "cause": "'decision:' || n",
            "title": "'Purchase approved'",
            "is_shown": "true",
            "created_at": at,
            "read_at": at,
        },
        where=PAID,
    )
    yield Table(
        "integrations_endpoint",
        max(3, people // 100),
        {"user_id": "n", "url": "'https://hooks.example.com/' || n", "events": "ARRAY['*']::varchar[]"},
    )
    yield Table(
        "integrations_event",
        purchases // 50,
        {"user_id": "1", "type": "'purchase.approved'", "notification": "'{}'::jsonb", "created_at": at},
    )
    yield Table(
        "integrations_delivery",
        purchases // 50,
        {"event_id": "n", "endpoint_id": "1", "status": "'delivered'", "created_at": at},
    )
    yield Table(
        "outbox_message",
        purchases,
        {
            "topic": "'funding.requested'",
            "payload": "jsonb_build_object('obligation', n)",
            "created_at": at,
            "published_at": at,
        },
        where=PAID,
    )
    for number, (action, subject) in enumerate(
        (("purchase.approved", "authorization"), ("charge.moved", "fundingcharge"))
    ):
        yield Table(
            "audit_entry",
            purchases,
            {
                "actor": "CASE WHEN n %% 50 = 0 THEN 'user:1' ELSE 'system:funding' END",
                "action": f"CASE WHEN n %% 9000 = 0 THEN 'card_data.reveal' ELSE '{action}' END",
                "subject_type": f"'{subject}'",
                "subject_id": "n::text",
                "details": "jsonb_build_object('to', 'approved', 'amount_minor', n %% 9000)",
                "recorded_at": at,
            },
            id=f"n + {number * 10 * purchases}",
        )
