-- I9. An obligation has at most one charge that succeeded or may still take money.
SELECT c.obligation_id, count(*) FROM wallet_fundingcharge c
WHERE c.status NOT IN ('declined', 'refused', 'canceled') GROUP BY c.obligation_id HAVING count(*) > 1;

-- I9. Of one obligation the processor took money once.
SELECT f.obligation_id, count(*), sum(s.minor) FROM chaos.charge s JOIN wallet_fundingcharge f ON f.public_id::text = s.ours
GROUP BY f.obligation_id HAVING count(*) > 1;

-- I9. One charge of ours made one payment intent, and under each key the processor made one.
SELECT k.ours, k.key, count(*) FROM chaos.call k WHERE NOT k.replayed GROUP BY GROUPING SETS ((k.ours), (k.key))
HAVING count(*) > 1;

-- I9, I13. What the processor took is a charge of ours that succeeded, with what it took along.
SELECT s.name, s.ours, s.minor, s.currency, f.status, o.amount_minor - o.released_minor + f.carried_minor
FROM chaos.charge s LEFT JOIN wallet_fundingcharge f ON f.public_id::text = s.ours
LEFT JOIN wallet_fundingobligation o ON o.id = f.obligation_id
WHERE f.id IS NULL OR f.status <> 'succeeded' OR f.processor_charge_id IS DISTINCT FROM s.name
    OR o.currency <> s.currency OR o.amount_minor - o.released_minor + f.carried_minor <> s.minor;

-- I13. A charge of ours that succeeded took money at the processor.
SELECT f.public_id, f.processor_charge_id FROM wallet_fundingcharge f WHERE f.status = 'succeeded'
    AND NOT EXISTS (SELECT FROM chaos.charge s WHERE s.name = f.processor_charge_id);

-- I9, I13. What the processor gave back is a refund of ours that succeeded, and the other way round.
SELECT coalesce(s.name, r.processor_refund_id), s.minor, r.amount_minor, r.status FROM chaos.refund s
FULL JOIN (SELECT * FROM wallet_fundingrefund WHERE status = 'succeeded') r ON r.processor_refund_id = s.name
WHERE s.minor IS DISTINCT FROM r.amount_minor;

-- I7, I9. No more is given back of an obligation than was paid for it.
SELECT o.id, o.amount_minor - o.released_minor, sum(r.amount_minor) FROM wallet_fundingobligation o
JOIN wallet_fundingrefund r ON r.obligation_id = o.id AND r.status <> 'canceled' GROUP BY o.id
HAVING sum(r.amount_minor) > o.amount_minor - o.released_minor;

-- I13. A charge is posted if it succeeded, once and as it is; and so is a refund.
SELECT coalesce(ours.key, p.key), ours.minor, p.amount_minor FROM (
    SELECT 'charge:' || c.public_id AS key, o.amount_minor - o.released_minor AS minor
    FROM wallet_fundingcharge c JOIN wallet_fundingobligation o ON o.id = c.obligation_id WHERE c.status = 'succeeded'
    UNION ALL SELECT 'refund:' || r.public_id, r.amount_minor FROM wallet_fundingrefund r WHERE r.status = 'succeeded'
) ours FULL JOIN (SELECT key, amount_minor FROM wallet_posting WHERE key ~ '^(charge|refund):[0-9a-f-]{36}$') p USING (key)
WHERE ours.minor IS DISTINCT FROM p.amount_minor;

-- I10. An obligation is funded exactly when a charge of it succeeded, unless it was released after that.
SELECT o.id, o.status FROM wallet_fundingobligation o
WHERE o.status <> 'released' AND (o.status = 'funded') <> EXISTS (
    SELECT FROM wallet_fundingcharge c WHERE c.obligation_id = o.id AND c.status = 'succeeded');

-- I10. Nothing comes after a charge's success in the trail.
SELECT earlier.subject_id, later.action FROM audit_entry earlier JOIN audit_entry later
    ON later.subject_type = earlier.subject_type AND later.subject_id = earlier.subject_id AND later.id > earlier.id
WHERE earlier.action = 'charge.succeeded' AND later.action IN ('charge.succeeded', 'charge.sending', 'charge.unknown',
    'charge.processing', 'charge.requires_action', 'charge.declined', 'charge.refused', 'charge.canceled');

-- I15. Each end of a charge has one entry in the trail.
SELECT c.id, c.status, count(t.id) FROM wallet_fundingcharge c
LEFT JOIN audit_entry t ON t.action = 'charge.' || c.status AND t.subject_id = c.id::text
WHERE c.status IN ('succeeded', 'declined', 'refused', 'canceled') GROUP BY c.id HAVING count(t.id) <> 1;
