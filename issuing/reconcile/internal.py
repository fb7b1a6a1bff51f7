"""Our own tables as rows to compare.

Times are those of the movement; `is_due` is issuing/reconcile/window.py's rule in SQL.
"""

from issuing.reconcile.snapshot import Query
from issuing.reconcile.window import Window

# Legacy rows and dispute movements are in no issuer's list: they may be partners, and need none.
TRANSACTIONS = """
SELECT issuer_transaction_id, amount_minor, currency, transaction_type, issuer_authorization_id,
    floor(extract(epoch FROM occurred_at))::bigint,
    occurred_at >= %(since)s AND occurred_at < %(until)s AND source <> 'legacy'
        AND transaction_type IN ('settlement', 'refund')
FROM issuing_cardtransaction
WHERE provider = %(provider)s AND occurred_at >= %(reads_from)s AND occurred_at < %(reads_to)s
"""

# The sweepers handle a waiting charge or refund; one with an unknown outcome for an hour is a difference.
CHARGES = """
SELECT c.public_id::text,
    c.carried_minor + CASE WHEN c.status = 'succeeded' THEN o.amount_minor - o.released_minor
        ELSE coalesce(c.amount_minor, o.amount_minor) END, o.currency,
    CASE WHEN c.status IN ('unknown', 'sending', 'capturing') THEN 'unknown' ELSE c.status END,
    coalesce(c.processor_charge_id, ''), floor(extract(epoch FROM coalesce(c.first_sent_at, c.created_at)))::bigint,
    coalesce(c.first_sent_at, c.created_at) >= %(since)s AND coalesce(c.first_sent_at, c.created_at) < %(until)s
        AND (c.status IN ('succeeded', 'held') OR (c.status IN ('unknown', 'sending', 'capturing')
            AND (c.status <> 'capturing' OR c.updated_at < %(silent_since)s)
            AND coalesce(c.first_sent_at, c.created_at) < %(silent_since)s))
FROM wallet_fundingcharge c JOIN wallet_fundingobligation o ON o.id = c.obligation_id
WHERE coalesce(c.first_sent_at, c.created_at) >= %(reads_from)s
    AND coalesce(c.first_sent_at, c.created_at) < %(reads_to)s
"""

REFUNDS = """
SELECT r.public_id::text, r.amount_minor, o.currency,
    CASE WHEN r.status IN ('unknown', 'sending') THEN 'unknown'
        WHEN r.status = 'canceled' AND r.charge_id IS NOT NULL THEN 'failed' ELSE r.status END,
    coalesce(r.processor_refund_id, ''), floor(extract(epoch FROM coalesce(r.first_sent_at, r.created_at)))::bigint,
    coalesce(r.first_sent_at, r.created_at) >= %(since)s AND coalesce(r.first_sent_at, r.created_at) < %(until)s
        AND (r.status = 'succeeded' OR (r.status IN ('unknown', 'sending')
            AND coalesce(r.first_sent_at, r.created_at) < %(silent_since)s))
FROM wallet_fundingrefund r JOIN wallet_fundingobligation o ON o.id = r.obligation_id
WHERE coalesce(r.first_sent_at, r.created_at) >= %(reads_from)s
    AND coalesce(r.first_sent_at, r.created_at) < %(reads_to)s
"""

# Against the ledger. A movement is posted when it is recorded or later, so a row older than the window is still read
# when its posting is in it. A card transaction is posted once its purchase is known; until then it is money outside the
# ledger, and a difference if its purchase is not reported within minutes. A dispute's reversal waits for the movement
# that it reverses, and a movement in another currency has two more postings once it is converted. A contradicted
# movement is not posted: a case asks staff, and closing it with a sentence settles it.
MOVED_ON_CARDS = """
WITH moved AS (
    SELECT t.*, t.occurred_at >= %(since)s AND t.occurred_at < %(until)s AS is_due FROM issuing_cardtransaction t
    WHERE (t.authorization_id IS NOT NULL OR t.source <> 'legacy') AND t.amount_minor > 0
        AND t.occurred_at >= %(reads_from)s
)
SELECT 'card_transaction:' || t.id, t.amount_minor, t.currency,
    CASE t.transaction_type WHEN 'settlement' THEN 'capture' WHEN 'refund' THEN 'merchant_refund'
        WHEN 'chargeback_reversal' THEN 'chargeback' WHEN 'provisional_debit' THEN 'provisional_credit'
        ELSE t.transaction_type END,
    t.issuer_transaction_id, floor(extract(epoch FROM t.occurred_at))::bigint,
    t.is_due AND NOT (t.transaction_type IN ('chargeback_reversal', 'provisional_debit')
        AND t.processing_status = 'pending')
        AND NOT (t.authorization_id IS NULL AND (t.recorded_at >= %(told_since)s OR EXISTS (SELECT FROM wallet_case k
            WHERE k.reference = 'card_transaction:' || t.id AND (k.status = 'open' OR k.resolution <> '')
                AND k.kind IN ('refund_unlinked', 'event_contradiction'))))
FROM moved t
UNION ALL SELECT 'card_transaction:' || t.id || ':exchange_out', t.amount_minor, t.currency, 'card_exchange',
    t.issuer_transaction_id, floor(extract(epoch FROM t.occurred_at))::bigint, t.is_due
FROM moved t WHERE t.purchase_minor IS NOT NULL
UNION ALL SELECT 'card_transaction:' || t.id || ':exchange_in', t.purchase_minor, a.currency, 'card_exchange',
    t.issuer_transaction_id, floor(extract(epoch FROM t.occurred_at))::bigint, t.is_due
FROM moved t JOIN issuing_authorization a ON a.id = t.authorization_id WHERE t.purchase_minor IS NOT NULL
"""

CHARGED = """
SELECT 'charge:' || c.public_id, o.amount_minor - o.released_minor, o.currency, c.status,
    coalesce(c.processor_charge_id, ''), floor(extract(epoch FROM coalesce(c.finished_at, c.updated_at)))::bigint,
    c.status = 'succeeded' AND coalesce(c.finished_at, c.updated_at) >= %(since)s
        AND coalesce(c.finished_at, c.updated_at) < %(until)s
FROM wallet_fundingcharge c JOIN wallet_fundingobligation o ON o.id = c.obligation_id
WHERE coalesce(c.finished_at, c.updated_at) >= %(reads_from)s OR EXISTS (
    SELECT FROM wallet_posting p WHERE p.key = 'charge:' || c.public_id AND p.occurred_at >= %(since)s)
"""

# A refund that failed and was replaced by another is cancelled here.
GIVEN_BACK = """
SELECT 'refund:' || r.public_id, r.amount_minor, o.currency,
    CASE WHEN r.status = 'canceled' AND r.charge_id IS NOT NULL THEN 'failed' ELSE r.status END,
    coalesce(r.processor_refund_id, ''), floor(extract(epoch FROM coalesce(r.finished_at, r.updated_at)))::bigint,
    r.status = 'succeeded' AND coalesce(r.finished_at, r.updated_at) >= %(since)s
        AND coalesce(r.finished_at, r.updated_at) < %(until)s
FROM wallet_fundingrefund r JOIN wallet_fundingobligation o ON o.id = r.obligation_id
WHERE coalesce(r.finished_at, r.updated_at) >= %(reads_from)s OR EXISTS (
    SELECT FROM wallet_posting p WHERE p.key = 'refund:' || r.public_id AND p.occurred_at >= %(since)s)
"""

# The ledger's side. Postings under other keys (top-ups are charges; write-offs, adjustments) have no row here.
CARD_POSTINGS = """
SELECT key, amount_minor, currency, kind, reference, floor(extract(epoch FROM occurred_at))::bigint,
    occurred_at >= %(since)s AND occurred_at < %(until)s
FROM wallet_posting WHERE starts_with(key, 'card_transaction:') AND occurred_at >= %(reads_from)s
"""

CHARGE_POSTINGS = """
SELECT key, amount_minor, currency, CASE WHEN kind IN ('charge', 'top_up') THEN 'succeeded' ELSE kind END, reference,
    floor(extract(epoch FROM occurred_at))::bigint, occurred_at >= %(since)s AND occurred_at < %(until)s
FROM wallet_posting WHERE starts_with(key, 'charge:') AND occurred_at >= %(reads_from)s
"""

# A refund that was returned later is reversed in the ledger: the two postings cancel out.
REFUND_POSTINGS = """
SELECT p.key, p.amount_minor, p.currency,
    CASE WHEN back.key IS NOT NULL THEN 'failed' WHEN p.kind IN ('charge_refund', 'top_up') THEN 'succeeded'
        ELSE p.kind END,
    p.reference, floor(extract(epoch FROM p.occurred_at))::bigint,
    p.occurred_at >= %(since)s AND p.occurred_at < %(until)s
FROM wallet_posting p
LEFT JOIN wallet_posting back ON back.key = 'refund_failed:' || substr(p.key, 8)
WHERE starts_with(p.key, 'refund:') AND p.occurred_at >= %(reads_from)s
"""


def query(sql: str, window: Window, *, provider: str = "") -> Query:
    """Returns one of the statements above, for a window and, where needed, an issuer."""
    return Query(sql, window.parameters(provider=provider))
