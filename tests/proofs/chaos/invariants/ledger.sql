-- I1. A posting moves a positive amount of one currency from one account to another.
SELECT p.id, p.key, p.debit, p.credit, p.amount_minor, p.currency FROM wallet_posting p
WHERE p.amount_minor IS NULL OR p.amount_minor <= 0 OR p.debit = p.credit OR p.currency !~ '^[A-Z]{3}$'
    OR p.debit = '' OR p.credit = '';

-- I1. In each currency the kept balances of all accounts add up to zero.
SELECT s.currency, sum(s.balance_minor) FROM wallet_ledgersum s GROUP BY s.currency HAVING sum(s.balance_minor) <> 0;

-- I4. A kept balance is the sum of its postings.
SELECT s.account, s.currency, s.balance_minor FROM wallet_ledgersum s WHERE s.balance_minor <> coalesce((
    SELECT sum(CASE WHEN p.debit = s.account THEN p.amount_minor ELSE -p.amount_minor END) FROM wallet_posting p
    WHERE p.id <= s.through AND p.currency = s.currency AND s.account IN (p.debit, p.credit)), 0);

-- I2, I13. A movement is posted once: no key comes twice.
SELECT p.key, count(*) FROM wallet_posting p GROUP BY p.key HAVING count(*) > 1;

-- I13. The account at the issuers is what the issuers say that merchants took, less what they gave back. A refund that
-- names no purchase comes in when a person has said whose it is.
SELECT currency, coalesce(ours.minor, 0), coalesce(said.minor, 0) FROM (
    SELECT p.currency, sum(CASE WHEN p.debit = 'issuer' THEN p.amount_minor ELSE -p.amount_minor END) AS minor
    FROM wallet_posting p WHERE 'issuer' IN (p.debit, p.credit) GROUP BY p.currency) ours
FULL JOIN (SELECT m.currency, -sum(m.minor) AS minor FROM chaos.movement m WHERE NOT EXISTS (
    SELECT FROM issuing_cardtransaction t JOIN wallet_case k ON k.reference = 'card_transaction:' || t.id
    WHERE t.provider = m.provider AND t.issuer_transaction_id = m.name AND k.kind = 'refund_unlinked'
        AND k.status = 'open') GROUP BY m.currency) said USING (currency)
WHERE coalesce(ours.minor, 0) <> coalesce(said.minor, 0);

-- I13. The account at the processor is what the processor says that cards paid, less what it gave back and kept.
SELECT currency, coalesce(ours.minor, 0), coalesce(said.minor, 0) FROM (
    SELECT p.currency, sum(CASE WHEN p.debit = 'processor' THEN p.amount_minor ELSE -p.amount_minor END) AS minor
    FROM wallet_posting p WHERE 'processor' IN (p.debit, p.credit) AND p.kind NOT IN ('fee', 'payout_exchange')
    GROUP BY p.currency) ours
FULL JOIN (SELECT moved.currency, sum(moved.minor) AS minor FROM (
    SELECT c.currency, c.minor FROM chaos.charge c UNION ALL SELECT r.currency, -r.minor FROM chaos.refund r) moved
    GROUP BY moved.currency) said USING (currency)
WHERE coalesce(ours.minor, 0) <> coalesce(said.minor, 0);

-- I12. A purchase that is over has nothing in clearing, or an open case says why.
SELECT p.reference, p.currency, sum(CASE WHEN p.debit = 'purchases' THEN p.amount_minor ELSE -p.amount_minor END)
FROM wallet_posting p LEFT JOIN issuing_authorization a ON p.reference = 'authorization:' || a.id
WHERE 'purchases' IN (p.debit, p.credit) AND NOT coalesce(a.status = 'approved' OR a.settle_due_at IS NOT NULL, false)
    AND NOT EXISTS (SELECT FROM wallet_case k LEFT JOIN wallet_fundingobligation o ON o.id = k.obligation_id
        WHERE k.status = 'open' AND k.kind <> 'reconciliation' AND (p.reference IN (k.reference, o.purchase)
            OR k.reference IN (SELECT 'card_transaction:' || t.id FROM issuing_cardtransaction t
                WHERE t.authorization_id = a.id)))
GROUP BY p.reference, p.currency
HAVING sum(CASE WHEN p.debit = 'purchases' THEN p.amount_minor ELSE -p.amount_minor END) <> 0;

-- I3. Every column of an amount is a whole number of 64 bits, and no column of ours is a float.
SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
WHERE c.table_schema = 'public' AND c.table_name ~ '^(wallet|issuing|routing)_' AND (
    c.column_name ~ '_minor$' AND c.data_type <> 'bigint' OR c.data_type IN ('real', 'double precision', 'money'));

-- I2. The tables of evidence refuse changes: postings, decisions, bodies of events, the trail, the rewards book.
SELECT wanted.name FROM unnest(ARRAY['wallet_posting', 'issuing_decision', 'issuing_eventbody', 'issuing_issuerevent',
    'audit_entry', 'issuing_rewardentry']) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
    WHERE t.tgrelid = to_regclass(wanted.name) AND f.proname = 'onecard_refuse_change' AND t.tgenabled IN ('O', 'A'));
