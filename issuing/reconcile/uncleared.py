"""Purchases whose books do not add up: money left in clearing, and approvals that nobody pays."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from issuing.reconcile import snapshot
from issuing.reconcile.compare import Difference, Kind, Row

# Purchases that are over at the issuer and past the grace period.
OVER = "(a.status IN ('reversed', 'expired', 'declined') OR (a.status = 'settled' AND a.settle_due_at IS NULL))"
# Charges older than purchase references were posted under their decision's.
NO_PURCHASE = "(a.id IS NULL AND NOT starts_with(left_in.reference, 'decision:'))"
# A running charge or refund will still change it, and a case says that staff know.
EXPLAINED = """
EXISTS (SELECT FROM wallet_fundingobligation o WHERE o.purchase = left_in.reference AND (o.status = 'open'
    OR EXISTS (SELECT FROM wallet_fundingcharge c WHERE c.obligation_id = o.id
        AND c.status IN ('intended', 'sending', 'unknown', 'processing', 'held', 'capturing', 'requires_action'))
    OR EXISTS (SELECT FROM wallet_fundingrefund r WHERE r.obligation_id = o.id
        AND r.status IN ('intended', 'sending', 'unknown'))
    OR EXISTS (SELECT FROM wallet_case k WHERE k.obligation_id = o.id AND k.status = 'open'
        AND k.kind <> 'reconciliation')))
OR EXISTS (SELECT FROM wallet_case k WHERE k.reference = left_in.reference AND k.status = 'open')
OR EXISTS (SELECT FROM issuing_cardtransaction t JOIN wallet_case k ON k.reference = 'card_transaction:' || t.id
    WHERE t.authorization_id = a.id AND k.status = 'open')
"""
# The balance of each purchase in an account that must come to zero, and since when; most are zero.
LEFT_IN = """
SELECT left_in.reference, left_in.amount, left_in.currency, coalesce(a.status, 'no purchase'),
    coalesce(a.issuer_authorization_id, ''),
    floor(extract(epoch FROM greatest(left_in.recorded_at, a.updated_at)))::bigint, true
FROM (
    SELECT reference, currency, max(recorded_at) AS recorded_at,
        sum(CASE WHEN debit = '{account}' THEN amount_minor ELSE -amount_minor END)::bigint AS amount
    FROM wallet_posting WHERE debit = '{account}' OR credit = '{account}'
    GROUP BY reference, currency
    HAVING sum(CASE WHEN debit = '{account}' THEN amount_minor ELSE -amount_minor END) <> 0
) left_in
LEFT JOIN issuing_authorization a ON 'authorization:' || a.id = left_in.reference
WHERE greatest(left_in.recorded_at, a.updated_at) < %(until)s AND {unexplained}
ORDER BY left_in.reference COLLATE "C", left_in.currency
"""
# An issuer's provisional credit belongs to nobody; it ends with the dispute.
DISPUTED = LEFT_IN.format(
    account="disputes",
    unexplained="""NOT EXISTS (SELECT FROM issuing_dispute d JOIN wallet_case k ON k.reference = 'dispute:' || d.id
        WHERE d.authorization_id = a.id AND k.status = 'open')""",
)
IN_CLEARING = LEFT_IN.format(account="purchases", unexplained=f"({NO_PURCHASE} OR {OVER}) AND NOT ({EXPLAINED})")

# A payout or transfer takes days at most (docs/issuers/stripe.md, Balances).
ON_THE_WAY = """
SELECT p.reference, sum(CASE WHEN p.debit = 'in_transit' THEN p.amount_minor ELSE -p.amount_minor END)::bigint,
    p.currency, 'on the way', p.reference, floor(extract(epoch FROM max(p.occurred_at)))::bigint, true
FROM wallet_posting p WHERE p.debit = 'in_transit' OR p.credit = 'in_transit'
GROUP BY p.reference, p.currency
HAVING sum(CASE WHEN p.debit = 'in_transit' THEN p.amount_minor ELSE -p.amount_minor END) <> 0
    AND max(p.occurred_at) < %(until)s
ORDER BY p.reference COLLATE "C", p.currency
"""
LONGEST_WAY = dt.timedelta(days=10)

NOBODY_PAYS = """
SELECT 'authorization:' || a.id, a.approved_minor, a.currency, a.status, a.issuer_authorization_id,
    floor(extract(epoch FROM a.created_at))::bigint, true
FROM issuing_authorization a
WHERE a.status IN ('approved', 'settled') AND a.approved_minor > 0
    AND a.created_at >= %(since)s AND a.created_at < %(until)s
    AND NOT EXISTS (SELECT FROM wallet_fundingobligation o WHERE o.purchase = 'authorization:' || a.id)
    AND NOT EXISTS (SELECT FROM issuing_balanceuse u WHERE u.authorization_id = a.id)
    AND NOT EXISTS (SELECT FROM wallet_case k WHERE k.reference = 'authorization:' || a.id)
    AND NOT EXISTS (SELECT FROM wallet_posting p
        WHERE p.reference = 'authorization:' || a.id AND p.kind IN ('balance_spent', 'write_off', 'outside'))
ORDER BY ('authorization:' || a.id) COLLATE "C"
"""


def left_in_clearing(until: dt.datetime) -> Iterator[Difference]:
    """Purchases that are over with unexplained money left in clearing (money-safety I12).

    So are purchases whose disputes are over while the provisional credit is still there, and money under a name that is
    no purchase. The amount is the account's balance: positive was captured and not paid, negative was paid and not
    captured. It counts however long ago it arose; only what moved since `until` is left out.
    """
    yield from _named(IN_CLEARING, Kind.STATE, {"until": until})
    yield from _named(DISPUTED, Kind.STATE, {"until": until})


def paid_by_nobody(since: dt.datetime, until: dt.datetime) -> Iterator[Difference]:
    """Approved purchases with no amount due, which never had a case.

    What is due beyond a card's balance is charged in the commit that finds it, or its case is opened there.
    """
    yield from _named(NOBODY_PAYS, Kind.MISSING_HERE, {"since": since, "until": until})


def on_the_way(until: dt.datetime) -> Iterator[Difference]:
    """Our own money that left one place ten days before `until` or earlier and has not arrived at another."""
    yield from _named(ON_THE_WAY, Kind.STATE, {"until": until - LONGEST_WAY})


def _named(sql: str, kind: Kind, times: dict[str, Any]) -> Iterator[Difference]:
    """Names the differences; there are few of them."""
    with snapshot.read(snapshot.Query(sql, times), tick=lambda _count: None) as (rows,):
        for row in rows:
            yield _difference(kind, row)


def _difference(kind: Kind, row: Row) -> Difference:
    return Difference(kind, row.key, row, None) if kind == Kind.STATE else Difference(kind, row.key, None, row)
