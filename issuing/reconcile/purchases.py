"""Purchases whose books do not add up by themselves: money left in clearing, and approvals that nobody pays."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from issuing.reconcile import snapshot
from issuing.reconcile.compare import Difference, Kind, Row

# What is over at the issuer and not waited for any more.
OVER = "(a.status IN ('reversed', 'expired', 'declined') OR (a.status = 'settled' AND a.settle_due_at IS NULL))"
# A charge or refund under way will still change it, and a case says that a person knows.
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
# What an issuer credited for a dispute belongs to nobody; it goes once the dispute is over.
DISPUTED = """
SELECT left_in.reference, left_in.amount, left_in.currency, a.status, a.issuer_authorization_id,
    floor(extract(epoch FROM a.updated_at))::bigint, true
FROM (
    SELECT reference, currency, sum(CASE WHEN debit = 'disputes' THEN amount_minor ELSE -amount_minor END)::bigint
        AS amount
    FROM wallet_posting WHERE debit = 'disputes' OR credit = 'disputes'
    GROUP BY reference, currency
    HAVING sum(CASE WHEN debit = 'disputes' THEN amount_minor ELSE -amount_minor END) <> 0
) left_in
JOIN issuing_authorization a ON 'authorization:' || a.id = left_in.reference
WHERE NOT EXISTS (SELECT FROM issuing_dispute d JOIN wallet_case k ON k.reference = 'dispute:' || d.id
        WHERE d.authorization_id = a.id AND k.status = 'open')
    AND EXISTS (SELECT FROM issuing_dispute d WHERE d.authorization_id = a.id
        AND d.updated_at >= %(since)s AND d.updated_at < %(until)s)
ORDER BY left_in.reference COLLATE "C", left_in.currency
"""
IN_CLEARING = f"""
SELECT left_in.reference, left_in.amount, left_in.currency, a.status, a.issuer_authorization_id,
    floor(extract(epoch FROM a.updated_at))::bigint, true
FROM (
    SELECT reference, currency, sum(CASE WHEN debit = 'purchases' THEN amount_minor ELSE -amount_minor END)::bigint
        AS amount
    FROM wallet_posting WHERE debit = 'purchases' OR credit = 'purchases'
    GROUP BY reference, currency
    HAVING sum(CASE WHEN debit = 'purchases' THEN amount_minor ELSE -amount_minor END) <> 0
) left_in
JOIN issuing_authorization a ON 'authorization:' || a.id = left_in.reference
WHERE {OVER}
    AND a.updated_at >= %(since)s AND a.updated_at < %(until)s AND NOT ({EXPLAINED})
ORDER BY left_in.reference COLLATE "C", left_in.currency
"""  # noqa: S608  (made of the constants above)

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


def left_in_clearing(since: dt.datetime, until: dt.datetime) -> Iterator[Difference]:
    """Purchases that are over while their clearing account is not at zero, and that nothing explains (I12).

    So are those whose disputes nobody works any more while what was credited for them is still there. The amount is
    the account's balance: positive was captured and not paid, negative was paid and not captured.
    """
    yield from _named(IN_CLEARING, Kind.STATE, since, until)
    yield from _named(DISPUTED, Kind.STATE, since, until)


def paid_by_nobody(since: dt.datetime, until: dt.datetime) -> Iterator[Difference]:
    """Approved purchases for which nothing is owed, and of which no case was ever opened.

    What is owed beyond a card's balance is charged in the commit that finds it, or its case is opened there.
    """
    yield from _named(NOBODY_PAYS, Kind.MISSING_HERE, since, until)


def _named(sql: str, kind: Kind, since: dt.datetime, until: dt.datetime) -> Iterator[Difference]:
    """The rows are the differences, so there are few of them."""
    with snapshot.read(snapshot.Query(sql, _times(since, until)), tick=lambda _count: None) as (rows,):
        for row in rows:
            yield _difference(kind, row)


def _difference(kind: Kind, row: Row) -> Difference:
    return Difference(kind, row.key, row, None) if kind == Kind.STATE else Difference(kind, row.key, None, row)


def _times(since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
    return {"since": since, "until": until}
