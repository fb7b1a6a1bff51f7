"""What must hold at every commit, asked of all rows at once; each check gives the rows that break it."""

from typing import Any

import psycopg
from django.db import connection

from wallet.ledger import check as ledger_check

HELD_MINOR = "sum(h.amount_minor - h.released_minor) FILTER (WHERE h.status = 'placed')"
# What merchants took of one purchase, `a`, as far as its worth there is known.
CAPTURED_MINOR = """coalesce((SELECT sum(coalesce(t.purchase_minor, t.amount_minor)) FROM issuing_cardtransaction t
    WHERE t.authorization_id = a.id AND t.transaction_type = 'settlement'
        AND (t.currency = a.currency OR t.purchase_minor IS NOT NULL)), 0)"""
# Debits less credits of an account by one purchase, `a`, in one currency, of these kinds.
NET = """coalesce((SELECT sum(CASE WHEN p.debit = '{account}' THEN p.amount_minor ELSE -p.amount_minor END)
    FROM wallet_posting p WHERE p.reference = 'authorization:' || a.id AND p.currency = held.currency
        AND '{account}' IN (p.debit, p.credit) AND p.kind IN ({kinds})), 0)"""
BY_PEOPLE = "'write_off', 'goodwill', 'outside', 'carried'"
# What the bank of a funding card took back for good is owed anew.
LOST = "'charge_lost'"
# What nobody is to be charged for again: lost and not won back, or come from outside and not sent back there.
PAST = """coalesce((SELECT sum(CASE WHEN p.credit = 'purchases' THEN p.amount_minor
        WHEN p.kind <> 'outside' OR p.key IN (SELECT 'outside:' || k.id FROM wallet_case k
            WHERE k.kind = 'refund_failed' AND k.reference = p.reference) THEN -p.amount_minor ELSE 0 END)
    FROM wallet_posting p WHERE p.reference = 'authorization:' || a.id AND p.currency = a.currency
        AND p.kind IN ('write_off', 'goodwill', 'outside', 'carried', 'charge_lost')), 0)"""
CHECKS: dict[str, str] = {
    "I1: all accounts of a currency sum to nothing": """
        SELECT currency, sum(amount) FROM (
            SELECT currency, amount_minor AS amount FROM wallet_posting
            UNION ALL SELECT currency, -amount_minor FROM wallet_posting) moved
        GROUP BY currency HAVING sum(amount) <> 0""",
    "I4: a counter is what the holds in it hold": f"""
        SELECT w.id, w.spent_minor, {HELD_MINOR} FROM issuing_spendwindow w
        LEFT JOIN issuing_hold h ON w.id IN (h.day_id, h.month_id)
        GROUP BY w.id HAVING w.spent_minor <> coalesce({HELD_MINOR}, 0)""",
    "I4: a purchase that fell away holds no more than was captured of it": f"""
        SELECT a.id, a.status FROM issuing_authorization a JOIN issuing_hold h ON h.authorization_id = a.id
        WHERE a.status IN ('declined', 'reversed', 'expired') GROUP BY a.id
        HAVING coalesce({HELD_MINOR}, 0) > {CAPTURED_MINOR}""",
    "I5: the limits count no less than merchants took": f"""
        SELECT a.id, a.status FROM issuing_authorization a JOIN issuing_virtualcard c ON c.id = a.card_id
        LEFT JOIN issuing_hold h ON h.authorization_id = a.id
        WHERE c.currency = a.currency GROUP BY a.id HAVING coalesce({HELD_MINOR}, 0) < {CAPTURED_MINOR}""",
    "I5: the limits count no less than is approved, whoever approved it": f"""
        SELECT a.id, a.approved_minor FROM issuing_authorization a JOIN issuing_virtualcard c ON c.id = a.card_id
        LEFT JOIN issuing_hold h ON h.authorization_id = a.id
        WHERE c.currency = a.currency AND a.status = 'approved' GROUP BY a.id
        HAVING coalesce({HELD_MINOR}, 0) < a.approved_minor""",
    "I7: what a capture takes beyond its hold counts once": f"""
        SELECT a.id FROM issuing_authorization a JOIN issuing_hold h ON h.authorization_id = a.id
        WHERE h.of_capture AND h.status = 'placed' GROUP BY a.id
        HAVING sum(h.amount_minor - h.released_minor) > {CAPTURED_MINOR}""",
    "I4: a card's balance is what was put on it less what purchases have of it": """
        SELECT c.id, c.balance_minor FROM issuing_virtualcard c WHERE c.balance_minor <>
            coalesce((SELECT sum(f.amount_minor) FROM issuing_cardfunding f
                WHERE f.card_id = c.id AND f.status = 'credited'), 0)
            - coalesce((SELECT sum(u.amount_minor) FROM issuing_balanceuse u WHERE u.card_id = c.id), 0)""",
    "I4: the ledger's card balances are what the uses have posted": """
        SELECT u.id, u.posted_minor FROM issuing_balanceuse u WHERE u.posted_minor <> coalesce((
            SELECT sum(CASE WHEN p.debit = 'card_balances' THEN p.amount_minor ELSE -p.amount_minor END)
            FROM wallet_posting p WHERE p.reference = 'authorization:' || u.authorization_id
                AND 'card_balances' IN (p.debit, p.credit)), 0)""",
    # What the issuer approved without us counts as well, and may be more than any limit.
    "I5: no approval takes a counter over its card's limit": """
        SELECT w.id, w.kind, w.spent_minor FROM issuing_spendwindow w JOIN issuing_virtualcard c ON c.id = w.card_id
        WHERE w.spent_minor - coalesce((SELECT sum(h.amount_minor - h.released_minor) FROM issuing_hold h
                WHERE w.id IN (h.day_id, h.month_id) AND h.decision_id IS NULL AND h.status = 'placed'), 0)
            > CASE w.kind WHEN 'day' THEN c.daily_limit_minor ELSE c.monthly_limit_minor END""",
    "I6, I11: an approval of money has its hold, and who pays": """
        SELECT d.id FROM issuing_decision d LEFT JOIN issuing_hold h ON h.decision_id = d.id
        LEFT JOIN wallet_fundingobligation o ON o.id = d.obligation_id
        WHERE d.approved AND d.amount_minor > 0
            AND (h.id IS NULL OR h.amount_minor <> d.amount_minor
                OR coalesce(o.amount_minor, 0) + d.from_balance_minor <> d.amount_minor)""",
    "I11: every charge has its message": """
        SELECT c.id FROM wallet_fundingcharge c WHERE c.status = 'intended' AND c.attempts = 0
            AND c.next_attempt_at IS NULL""",
    "I9: an obligation stands where its charges stand": """
        SELECT o.id, o.status FROM wallet_fundingobligation o
        WHERE (o.status = 'funded' AND NOT EXISTS (SELECT FROM wallet_fundingcharge c
                WHERE c.obligation_id = o.id AND c.status = 'succeeded'))
            OR (o.status = 'failed' AND EXISTS (SELECT FROM wallet_fundingcharge c WHERE c.obligation_id = o.id
                AND c.status NOT IN ('declined', 'refused', 'canceled')))
            OR (o.status IN ('open', 'failed') AND EXISTS (SELECT FROM wallet_fundingcharge c
                WHERE c.obligation_id = o.id AND c.status = 'succeeded'))""",
    "I11: a failure leads on, or a person has it": """
        SELECT o.id FROM wallet_fundingobligation o WHERE o.status = 'failed'
            AND NOT EXISTS (SELECT FROM outbox_message m WHERE m.topic = 'funding.failed'
                AND (m.payload->>'obligation_id')::bigint = o.id)
            AND NOT EXISTS (SELECT FROM wallet_case k WHERE k.obligation_id = o.id
                -- What a lost dispute leaves owed is a person's from the beginning, and theirs to end.
                AND (k.status = 'open' OR o.reference LIKE 'charge_dispute:%'))""",
    "I9: what is given back of an obligation was asked for it": """
        SELECT o.id FROM wallet_fundingobligation o JOIN wallet_fundingrefund r ON r.obligation_id = o.id
        WHERE r.status <> 'canceled' GROUP BY o.id
        HAVING sum(r.amount_minor) > o.amount_minor - o.released_minor""",
    "I13: each movement of money is posted, once and as it is": """
        SELECT c.public_id FROM wallet_fundingcharge c JOIN wallet_fundingobligation o ON o.id = c.obligation_id
        LEFT JOIN wallet_posting p ON p.key = 'charge:' || c.public_id
        WHERE (c.status = 'succeeded') <> (p.id IS NOT NULL)
            OR p.amount_minor <> o.amount_minor - o.released_minor""",
    "I13: clearing is what charges, refunds, merchants, balances and people moved, in each currency": f"""
        SELECT a.id, held.currency FROM issuing_authorization a
        CROSS JOIN LATERAL (SELECT a.currency UNION SELECT t.currency FROM issuing_cardtransaction t
            WHERE t.authorization_id = a.id) held (currency)
        WHERE {NET.format(account="purchases", kinds="p.kind")}
            <> coalesce((SELECT sum((CASE WHEN t.transaction_type IN ('settlement', 'chargeback_reversal') THEN 1
                    ELSE -1 END) * (CASE WHEN t.currency = held.currency AND t.currency = a.currency THEN t.amount_minor
                    WHEN t.currency = held.currency AND t.purchase_minor IS NULL THEN t.amount_minor
                    WHEN t.currency <> a.currency AND held.currency = a.currency THEN coalesce(t.purchase_minor, 0)
                    ELSE 0 END))
                FROM issuing_cardtransaction t WHERE t.authorization_id = a.id
                    AND t.processing_status = 'settled'), 0)
            - coalesce((SELECT sum(o.amount_minor - o.released_minor) FROM wallet_fundingobligation o
                JOIN wallet_fundingcharge c ON c.obligation_id = o.id AND c.status = 'succeeded'
                WHERE o.purchase = 'authorization:' || a.id AND o.currency = held.currency), 0)
            + coalesce((SELECT sum(r.amount_minor) FROM wallet_fundingobligation o
                JOIN wallet_fundingrefund r ON r.obligation_id = o.id AND r.status = 'succeeded'
                WHERE o.purchase = 'authorization:' || a.id AND o.currency = held.currency), 0)
            - coalesce((SELECT u.posted_minor FROM issuing_balanceuse u
                WHERE u.authorization_id = a.id AND a.currency = held.currency), 0)
            + {NET.format(account="purchases", kinds=f"{BY_PEOPLE}, {LOST}")}""",
    "I12, I13: a refund of no purchase is booked by itself, and its owner has it or a person is asked": """
        SELECT t.id FROM issuing_cardtransaction t
        WHERE t.of_no_purchase_at IS NOT NULL AND (
            -- Under its own name from the first, or put there when its link was corrected.
            t.amount_minor IS DISTINCT FROM (SELECT sum(CASE WHEN p.credit = 'purchases' THEN p.amount_minor
                    ELSE -p.amount_minor END) FROM wallet_posting p WHERE p.reference = 'card_transaction:' || t.id
                AND p.kind = 'merchant_refund' AND p.currency = t.currency)
            OR NOT EXISTS (SELECT FROM wallet_case k WHERE k.reference = 'card_transaction:' || t.id
                AND k.kind = 'credit_left'
                AND (k.status = 'open' OR EXISTS (SELECT FROM wallet_posting o WHERE o.key = 'outside:' || k.id
                    AND o.debit = 'purchases' AND o.amount_minor = t.amount_minor))))""",
    "I13: a foreign movement is exchanged once its worth is known, for that": """
        SELECT t.id, t.amount_minor, t.purchase_minor FROM issuing_cardtransaction t
        JOIN issuing_authorization a ON a.id = t.authorization_id AND a.currency <> t.currency
        LEFT JOIN wallet_posting o ON o.key = 'card_transaction:' || t.id || ':exchange_out'
        LEFT JOIN wallet_posting i ON i.key = 'card_transaction:' || t.id || ':exchange_in'
        WHERE (t.purchase_minor IS NULL) <> (o.id IS NULL) OR (o.id IS NULL) <> (i.id IS NULL)
            OR (o.amount_minor, o.currency, i.amount_minor, i.currency)
                <> (t.amount_minor, t.currency, t.purchase_minor, a.currency)""",
    # Between a capture of more than was approved and the end, an increment may ask for the same money once more.
    "I9: once it is over, cards are asked for no more than is owed and neither given up nor paid another way": f"""
        SELECT a.id, a.status, moved.captured, moved.returned, asked.minor, {PAST}
        FROM issuing_authorization a
        CROSS JOIN LATERAL (SELECT
            coalesce(sum(worth) FILTER (WHERE kind = 'settlement'), 0) AS captured,
            coalesce(sum(worth) FILTER (WHERE kind = 'refund'), 0)
                + greatest(0, coalesce(sum(worth) FILTER (WHERE kind = 'chargeback'), 0)
                    - coalesce(sum(worth) FILTER (WHERE kind = 'chargeback_reversal'), 0)) AS returned
            FROM (SELECT t.transaction_type AS kind, coalesce(t.purchase_minor, t.amount_minor) AS worth
                FROM issuing_cardtransaction t WHERE t.authorization_id = a.id AND t.processing_status = 'settled'
                    AND (t.currency = a.currency OR t.purchase_minor IS NOT NULL)) each) moved
        CROSS JOIN LATERAL (SELECT coalesce(sum(o.amount_minor - o.released_minor - coalesce((
                SELECT sum(r.amount_minor) FROM wallet_fundingrefund r
                WHERE r.obligation_id = o.id AND r.status <> 'canceled'), 0)), 0) AS minor
            FROM wallet_fundingobligation o
            WHERE o.purchase = 'authorization:' || a.id AND o.status <> 'released') asked
        WHERE a.status <> 'approved' AND a.settle_due_at IS NULL
            AND asked.minor > greatest(0, moved.captured - moved.returned
            - coalesce((SELECT u.amount_minor FROM issuing_balanceuse u WHERE u.authorization_id = a.id), 0)
            - {PAST})""",
    "I9: one charge of an obligation succeeds": """
        SELECT c.obligation_id FROM wallet_fundingcharge c WHERE c.status = 'succeeded'
        GROUP BY c.obligation_id HAVING count(*) > 1""",
    "I12: what two people agree to is theirs, and booked": """
        SELECT k.id, k.kind, k.proposal FROM wallet_case k
        LEFT JOIN wallet_posting p ON p.key = k.proposal || ':' || k.id
        WHERE (k.agreed_by_id IS NULL) <> (p.id IS NULL) OR (p.id IS NOT NULL AND k.status = 'open')
            OR p.kind <> k.proposal""",
    "I12: the wallet's own check of charges": ledger_check.BOTH_WAYS.format(
        ours=ledger_check.CHARGED, posted=ledger_check.CHARGE_POSTINGS
    ),
    "I12: the wallet's own check of refunds": ledger_check.BOTH_WAYS.format(
        ours=ledger_check.GIVEN_BACK, posted=ledger_check.REFUND_POSTINGS
    ),
    "I12: the wallet's own check of carried amounts": ledger_check.CARRIED.replace(" ORDER BY 1", ""),
    "I12: the wallet's own check of disputed charges": ledger_check.DISPUTED.replace(" ORDER BY 1", ""),
    "I12: a dispute keeps what it took, and all of that once it is lost, but for what was put on a card": """
        SELECT d.id, d.status, d.withdrawn_minor, d.lost_minor FROM wallet_fundingdispute d
        JOIN wallet_fundingcharge c ON c.id = d.charge_id JOIN wallet_fundingobligation o ON o.id = c.obligation_id
        WHERE d.lost_minor NOT BETWEEN 0 AND d.withdrawn_minor OR (d.status = 'won' AND d.lost_minor <> 0)
            OR (d.status = 'lost' AND d.lost_minor <> d.withdrawn_minor AND NOT starts_with(o.purchase, 'card:'))""",
    "I12: a dispute of our charge has one open case while it is open, and none after its end": """
        SELECT d.id, d.status FROM wallet_fundingdispute d WHERE d.charge_id IS NOT NULL
            AND (SELECT count(*) FROM wallet_case k WHERE k.kind = 'charge_disputed' AND k.status = 'open'
                AND k.reference = 'charge_dispute:' || d.processor_dispute_id)
            <> (d.status NOT IN ('warning_closed', 'won', 'lost', 'prevented'))::int""",
    # Nobody puts a card back in these lives.
    "I12: a card whose bank disputes a charge is out of routing": """
        SELECT d.id, m.status FROM wallet_fundingdispute d JOIN wallet_fundingcharge c ON c.id = d.charge_id
        JOIN wallet_fundingmethod m ON m.id = c.method_id
        WHERE d.status IN ('needs_response', 'under_review', 'lost') AND m.status = 'active'""",
    "I11: what a lost dispute leaves owed has its receivable, and no card is charged for it by itself": """
        SELECT o.id, o.status FROM wallet_fundingobligation o WHERE o.reference LIKE 'charge_dispute:%'
            AND (NOT EXISTS (SELECT FROM wallet_case k WHERE k.obligation_id = o.id AND k.kind = 'receivable')
                OR (EXISTS (SELECT FROM wallet_fundingcharge c WHERE c.obligation_id = o.id)
                    AND NOT EXISTS (SELECT FROM wallet_case k JOIN audit_entry e ON e.subject_id = k.id::text
                            AND e.subject_type = 'case' WHERE k.obligation_id = o.id AND k.kind = 'receivable'
                            AND e.action IN ('case.charge_again', 'case.charge_another'))))""",
    "I15: each state of a charge has its entry in the trail": """
        SELECT c.id, c.status FROM wallet_fundingcharge c
        WHERE c.status IN ('succeeded', 'declined', 'refused', 'canceled', 'held', 'capturing')
            AND NOT EXISTS (SELECT FROM audit_entry e WHERE e.action = 'charge.' || c.status
                AND e.subject_id = c.id::text)""",
}
# When all is told and done: purchases that are over, with money in clearing that no open case explains.
UNEXPLAINED = """
    SELECT a.id, a.status, p.currency,
        sum(CASE WHEN p.debit = 'purchases' THEN p.amount_minor ELSE -p.amount_minor END)
    FROM issuing_authorization a JOIN wallet_posting p ON p.reference = 'authorization:' || a.id
    WHERE 'purchases' IN (p.debit, p.credit) AND a.status <> 'approved' AND a.settle_due_at IS NULL
        AND NOT EXISTS (SELECT FROM wallet_case k LEFT JOIN wallet_fundingobligation o ON o.id = k.obligation_id
            WHERE k.status = 'open' AND (p.reference IN (k.reference, o.purchase)
                OR k.reference IN (SELECT 'card_transaction:' || t.id FROM issuing_cardtransaction t
                    WHERE t.authorization_id = a.id)))
    GROUP BY a.id, p.currency
    HAVING sum(CASE WHEN p.debit = 'purchases' THEN p.amount_minor ELSE -p.amount_minor END) <> 0"""
# What people gave up, paid out of our own pocket, or saw come and go past the product, in all of one purchase, and what
# was too small to be charged and went along with another charge.
BY_PEOPLE_OF = f"""
    SELECT coalesce(sum(CASE WHEN p.credit = 'purchases' THEN p.amount_minor ELSE -p.amount_minor END), 0)::bigint
    FROM wallet_posting p WHERE p.reference = %s AND p.currency = %s AND p.kind IN ({BY_PEOPLE})"""

ALL_AT_ONCE = " UNION ALL ".join(
    f"SELECT '{name.replace(chr(39), chr(39) * 2)}' WHERE EXISTS ({sql})" for name, sql in CHECKS.items()
)


def broken() -> dict[str, list[Any]]:
    """The checks that do not hold, with the rows that say so."""
    # Planned once for a connection: this is asked after every step of every example.
    names = psycopg.Cursor(connection.connection).execute(ALL_AT_ONCE, prepare=True).fetchall()
    with connection.cursor() as cursor:
        return {name: cursor.execute(CHECKS[name]).fetchall() for (name,) in names}


def unexplained() -> list[Any]:
    """Purchases that are over, by currency, with the money left in clearing that nobody knows of."""
    with connection.cursor() as cursor:
        cursor.execute(UNEXPLAINED)
        return list(cursor.fetchall())


def by_people_minor(reference: str, currency: str) -> int:
    """Minor units of a purchase that were settled by people, and not by its cards, its balance or its merchant."""
    with connection.cursor() as cursor:
        cursor.execute(BY_PEOPLE_OF, [reference, currency])
        return int(cursor.fetchone()[0])
