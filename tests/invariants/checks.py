"""What must hold at every commit, asked of all rows at once; each check gives the rows that break it."""

from typing import Any

import psycopg
from django.db import connection

HELD_MINOR = "sum(h.amount_minor - h.released_minor) FILTER (WHERE h.status = 'placed')"
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
    "I4: a purchase that is over for good holds nothing": f"""
        SELECT a.id, a.status FROM issuing_authorization a JOIN issuing_hold h ON h.authorization_id = a.id
        WHERE a.status IN ('declined', 'reversed', 'expired') GROUP BY a.id HAVING coalesce({HELD_MINOR}, 0) <> 0""",
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
    "I5: no approval takes a counter over its card's limit": """
        SELECT w.id, w.kind, w.spent_minor FROM issuing_spendwindow w JOIN issuing_virtualcard c ON c.id = w.card_id
        WHERE w.spent_minor > CASE w.kind WHEN 'day' THEN c.daily_limit_minor ELSE c.monthly_limit_minor END""",
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
            AND NOT EXISTS (SELECT FROM wallet_case k WHERE k.obligation_id = o.id AND k.status = 'open')""",
    "I9: what is given back of an obligation was asked for it": """
        SELECT o.id FROM wallet_fundingobligation o JOIN wallet_fundingrefund r ON r.obligation_id = o.id
        WHERE r.status <> 'canceled' GROUP BY o.id
        HAVING sum(r.amount_minor) > o.amount_minor - o.released_minor""",
    "I13: each movement of money is posted, once and as it is": """
        SELECT c.public_id FROM wallet_fundingcharge c JOIN wallet_fundingobligation o ON o.id = c.obligation_id
        LEFT JOIN wallet_posting p ON p.key = 'charge:' || c.public_id
        WHERE (c.status = 'succeeded') <> (p.id IS NOT NULL)
            OR p.amount_minor <> o.amount_minor - o.released_minor""",
    "I13: clearing is what charges, refunds, merchants and balances moved": """
        SELECT a.id FROM issuing_authorization a WHERE
            coalesce((SELECT sum(CASE WHEN p.debit = 'purchases' THEN p.amount_minor ELSE -p.amount_minor END)
                FROM wallet_posting p WHERE p.reference = 'authorization:' || a.id
                    AND 'purchases' IN (p.debit, p.credit)), 0)
            <> coalesce((SELECT sum(CASE WHEN t.transaction_type IN ('settlement', 'chargeback_reversal')
                    THEN t.amount_minor ELSE -t.amount_minor END)
                FROM issuing_cardtransaction t WHERE t.authorization_id = a.id
                    AND t.processing_status = 'settled'), 0)
            - coalesce((SELECT sum(o.amount_minor - o.released_minor) FROM wallet_fundingobligation o
                JOIN wallet_fundingcharge c ON c.obligation_id = o.id AND c.status = 'succeeded'
                WHERE o.purchase = 'authorization:' || a.id), 0)
            + coalesce((SELECT sum(r.amount_minor) FROM wallet_fundingobligation o
                JOIN wallet_fundingrefund r ON r.obligation_id = o.id AND r.status = 'succeeded'
                WHERE o.purchase = 'authorization:' || a.id), 0)
            - coalesce((SELECT u.posted_minor FROM issuing_balanceuse u WHERE u.authorization_id = a.id), 0)""",
    "I15: each state of a charge has its entry in the trail": """
        SELECT c.id, c.status FROM wallet_fundingcharge c
        WHERE c.status IN ('succeeded', 'declined', 'refused', 'canceled', 'held', 'capturing')
            AND NOT EXISTS (SELECT FROM audit_entry e WHERE e.action = 'charge.' || c.status
                AND e.subject_id = c.id::text)""",
}


ALL_AT_ONCE = " UNION ALL ".join(
    f"SELECT '{name.replace(chr(39), chr(39) * 2)}' WHERE EXISTS ({sql})" for name, sql in CHECKS.items()
)


def broken() -> dict[str, list[Any]]:
    """The checks that do not hold, with the rows that say so."""
    # Planned once for a connection: this is asked after every step of every example.
    names = psycopg.Cursor(connection.connection).execute(ALL_AT_ONCE, prepare=True).fetchall()
    with connection.cursor() as cursor:
        return {name: cursor.execute(CHECKS[name]).fetchall() for (name,) in names}
