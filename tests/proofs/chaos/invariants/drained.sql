-- I11. Nothing that follows from a decision is still to be written.
SELECT j.id, j.event_id, j.decided_at FROM issuing_journal j;

-- I11. No message waits in the outbox.
SELECT m.id, m.topic, m.attempts, m.created_at FROM outbox_message m WHERE m.published_at IS NULL;

-- I11. Every event was handled, kept or refused.
SELECT e.id, e.provider, e.event_type, e.attempts, e.reason FROM issuing_issuerevent e WHERE e.status = 'received';

-- I11. Every approval says who pays: a funding card, or the card's own balance.
SELECT d.id, d.amount_minor FROM issuing_decision d LEFT JOIN wallet_fundingobligation o ON o.id = d.obligation_id
WHERE d.approved AND d.amount_minor > 0 AND coalesce(o.amount_minor, 0) + d.from_balance_minor <> d.amount_minor;

-- I11. Every obligation asked a card: it has a charge, or its message is there.
SELECT o.id, o.reference FROM wallet_fundingobligation o WHERE o.reference LIKE 'decision:%'
    AND NOT EXISTS (SELECT FROM wallet_fundingcharge c WHERE c.obligation_id = o.id);

-- I11. An obligation has come to its end, or an open case has it.
SELECT o.id, o.status, o.purchase FROM wallet_fundingobligation o WHERE o.status NOT IN ('funded', 'released')
    AND NOT EXISTS (SELECT FROM wallet_case k WHERE k.obligation_id = o.id AND k.status = 'open');

-- I9, I11. No charge is under way or unknown, unless an open case has it.
SELECT c.id, c.status, c.attempts FROM wallet_fundingcharge c
WHERE c.status NOT IN ('succeeded', 'declined', 'refused', 'canceled')
    AND NOT EXISTS (SELECT FROM wallet_case k WHERE k.obligation_id = c.obligation_id AND k.status = 'open');

-- I9, I11. No refund is under way or unknown, unless an open case has it.
SELECT r.id, r.status, r.attempts FROM wallet_fundingrefund r WHERE r.status NOT IN ('succeeded', 'failed', 'canceled')
    AND NOT EXISTS (SELECT FROM wallet_case k WHERE k.obligation_id = r.obligation_id AND k.status = 'open');

-- I11. No purchase waits for its settlement longer than it should.
SELECT a.id, a.status, a.settle_due_at FROM issuing_authorization a WHERE a.settle_due_at <= now();
