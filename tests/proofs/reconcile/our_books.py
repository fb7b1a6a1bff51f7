"""Our side of a made-up month, written by the database itself: a minute where rows from here would take ten."""

from itertools import chain
from typing import Any

from django.db import connection

from issuing.models import VirtualCard
from onecard.users.models import User
from tests.proofs.reconcile.plan import DAYS, Plan
from tests.proofs.reconcile.their_lists import CARD
from tests.support import table_statistics
from wallet.models import Cardholder, FundingMethod

# Columns that all statements share; amounts and times as in tests/proofs/reconcile/plan.py.
NUMBERED = """
WITH numbered AS (
    SELECT n, 1000 + n %% 9000 AS amount, 100 + n %% 900 AS back,
        to_timestamp(%(begins_s)s + n::bigint * %(span_s)s / (2 * %(rows)s)) AS at,
        md5(%(seed)s || ':c:' || n)::uuid AS charge, md5(%(seed)s || ':r:' || n)::uuid AS refund
    FROM generate_series(1, %(rows)s) n
)
"""
STATEMENTS = (
    """
    INSERT INTO issuing_authorization (id, provider, issuer_authorization_id, card_id, status, approved_minor, currency,
        mcc, merchant_name, merchant_category, merchant_city, merchant_country, merchant_network_id, authorization_code,
        created_at, updated_at)
    SELECT n, 'stripe', 'iauth_' || n, %(card)s, CASE WHEN n = ANY(%(still_open)s) THEN 'approved' ELSE 'settled' END,
        amount, 'USD', '5812', 'Bistro', '', '', '', '', '', at, at
    FROM numbered
    UNION ALL
    SELECT n, 'stripe', 'iauth_' || n, %(card)s, 'approved', 1000, 'USD', '5812', 'Bistro', '', '', '', '', '',
        to_timestamp(%(begins_s)s), to_timestamp(%(begins_s)s)
    FROM unnest(%(paid_by_nobody)s::bigint[]) n
    """,
    """
    INSERT INTO wallet_fundingobligation (id, public_id, cardholder_id, reference, purchase, description, amount_minor,
        currency, status, created_at, updated_at)
    SELECT n, gen_random_uuid(), %(holder)s, 'decision:' || n, 'authorization:' || n, 'Bistro', amount, 'USD',
        CASE WHEN n = ANY(%(unknown_charges)s) THEN 'open' WHEN n = ANY(%(failed_charges)s) THEN 'failed'
            ELSE 'funded' END, at, at
    FROM numbered
    """,
    """
    INSERT INTO wallet_fundingcharge (id, public_id, obligation_id, method_id, sequence, status, idempotency_key,
        processor_charge_id, failure_code, failure_message, attempts, first_sent_at, finished_at, created_at,
        updated_at)
    SELECT n, charge, n, %(method)s, 1, CASE WHEN n = ANY(%(unknown_charges)s) THEN 'unknown'
            WHEN n = ANY(%(failed_charges)s) THEN 'declined' ELSE 'succeeded' END,
        'charge:' || n, 'pi_' || md5(%(seed)s || ':p:' || n), '', '', 1, at, at, at, at
    FROM numbered
    """,
    """
    INSERT INTO wallet_fundingrefund (id, public_id, obligation_id, charge_id, amount_minor, reason, status,
        idempotency_key, processor_refund_id, failure_code, failure_message, attempts, first_sent_at, finished_at,
        created_at, updated_at)
    SELECT n, refund, n, n, back, '', CASE WHEN n = ANY(%(unknown_refunds)s) THEN 'unknown'
            WHEN n = ANY(%(failed_refunds)s) THEN 'failed' ELSE 'succeeded' END,
        'refund:' || n, 're_' || md5(%(seed)s || ':p:' || n), '', '', 1, at, at, at, at
    FROM numbered WHERE n <= %(refunds)s
    """,
    """
    INSERT INTO issuing_cardtransaction (id, provider, issuer_transaction_id, issuer_event_type, card_id,
        authorization_id, issuer_authorization_id, transaction_type, processing_status, authorization_code,
        amount_minor, currency, mcc, merchant_name, merchant_category, merchant_location, source, occurred_at,
        recorded_at)
    SELECT n, 'stripe', 'ipi_' || md5(%(seed)s || ':t:' || n), '', %(card)s, n, 'iauth_' || n, 'settlement', 'settled',
        '', amount, 'USD', '5812', 'Bistro', '', '', 'webhook', at, at
    FROM numbered
    UNION ALL
    SELECT 10 * %(rows)s + n, 'stripe', 'ipi_' || md5(%(seed)s || ':tr:' || n), '', %(card)s, n, 'iauth_' || n,
        'refund', 'settled', '', back, 'USD', '5812', 'Bistro', '', '', 'webhook', at, at
    FROM numbered WHERE n <= %(refunds)s
    """,
)
POSTING = """
INSERT INTO wallet_posting (key, kind, debit, credit, amount_minor, currency, reference, occurred_at, recorded_at)
"""
POSTED = """
SELECT {key}, CASE WHEN n = ANY(%({of}_state)s) THEN 'adjustment' ELSE '{kind}' END, '{debit}', '{credit}',
    {amount} + (n = ANY(%({of}_amount)s))::int, CASE WHEN n = ANY(%({of}_currency)s) THEN 'EUR' ELSE 'USD' END,
    'authorization:' || n, at, at
FROM numbered WHERE {which} AND NOT n = ANY(%({of}_missing_there)s)
"""
# What is in the ledger only, under a decision's name as before purchases had one: nothing is left in one's clearing.
UNFOUNDED = """
SELECT {key}, '{kind}', '{debit}', '{credit}', 1000, 'USD', 'decision:planted', to_timestamp(%(begins_s)s),
    to_timestamp(%(begins_s)s)
FROM unnest(%({of}_missing_here)s::bigint[]) n
"""
MOVES: tuple[dict[str, str], ...] = (
    {
        "of": "posted_transactions",
        "key": "'card_transaction:' || n",
        "kind": "capture",
        "debit": "purchases",
        "credit": "issuer",
        "amount": "amount",
        "which": "true",
    },
    {
        "of": "posted_charges",
        "key": "'charge:' || md5(%(seed)s || ':c:' || n)::uuid",
        "kind": "charge",
        "debit": "processor",
        "credit": "purchases",
        "amount": "amount",
        "which": "NOT n = ANY(%(unknown_charges)s || %(failed_charges)s)",
    },
    {
        "of": "posted_refunds",
        "key": "'refund:' || md5(%(seed)s || ':r:' || n)::uuid",
        "kind": "charge_refund",
        "debit": "purchases",
        "credit": "processor",
        "amount": "back",
        "which": "n <= %(refunds)s AND NOT n = ANY(%(unknown_refunds)s || %(failed_refunds)s)",
    },
)
MERCHANT_REFUNDS = """
SELECT 'card_transaction:' || 10 * %(rows)s + n, 'merchant_refund', 'issuer', 'purchases', back, 'USD',
    'authorization:' || n, at, at
FROM numbered WHERE n <= %(refunds)s
"""
LEFT_IN_CLEARING = """
SELECT 'adjustment:' || n, 'adjustment', 'purchases', 'fees', 1, 'USD', 'authorization:' || n,
    to_timestamp(%(begins_s)s), to_timestamp(%(begins_s)s)
FROM unnest(%(left_in_clearing)s::bigint[]) n
"""


def make_books(plan: Plan) -> None:
    """Writes our side of a plan into an empty database."""
    given = {**_people(), **_numbers(plan)}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for statement in STATEMENTS:
            cursor.execute(NUMBERED + statement, given)
        for move in MOVES:
            cursor.execute(NUMBERED + POSTING + POSTED.format(**move), given)
            cursor.execute(POSTING + UNFOUNDED.format(**move), given)
        cursor.execute(NUMBERED + POSTING + MERCHANT_REFUNDS, given)
        cursor.execute(POSTING + LEFT_IN_CLEARING, given)
        # A living database has statistics; without them the first queries would be planned blindly.
        table_statistics.gather()
        cursor.execute("RESET statement_timeout")


def _people() -> dict[str, Any]:
    holder = Cardholder.objects.create(user=User.objects.create(username="many", password="!"), name="Ada Many")
    method = FundingMethod.objects.create(
        cardholder=holder,
        name="Visa",
        network="visa",
        last_four="4242",
        expiry_month=12,
        expiry_year=2099,
        processor_method_id="pm_many",
        position=1,
    )
    card = VirtualCard.objects.create(
        cardholder=holder, card_type="visa", issuer_provider="stripe", issuer_card_id=CARD, status="active"
    )
    return {"holder": holder.pk, "method": method.pk, "card": card.pk}


def _numbers(plan: Plan) -> dict[str, Any]:
    planted = {
        f"{label}_{kind}": plan.at(label, kind)
        for label in ("posted_transactions", "posted_charges", "posted_refunds")
        for kind in ("missing_here", "missing_there", "amount", "currency", "state")
    }
    failed = {f"failed_{name}": plan.failed_here(f"{name}.stripe") for name in ("charges", "refunds")}
    of_ours = [numbers for name, numbers in planted.items() if not name.endswith("_here")]
    return {
        **planted,
        **failed,
        "rows": plan.rows,
        "refunds": plan.refunds,
        "seed": str(plan.seed),
        "begins_s": int(plan.begins_at.timestamp()),
        "span_s": DAYS * 86_400,
        "unknown_charges": plan.at("charges.stripe", "unknown_outcome"),
        "unknown_refunds": plan.at("refunds.stripe", "unknown_outcome"),
        "left_in_clearing": plan.at("purchases_in_clearing", "state"),
        "paid_by_nobody": plan.at("purchases_without_charge", "missing_here"),
        # Their books do not add up by plan, so they must not be over: one difference each.
        "still_open": list(chain(*of_ours, *failed.values())),
    }
