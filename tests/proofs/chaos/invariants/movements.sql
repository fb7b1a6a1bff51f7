-- I8, I13. Every movement at an issuer is recorded here with its amount, and posted, or an open case asks whose refund it is.
SELECT m.provider, m.name, m.minor, m.currency, t.amount_minor, p.amount_minor FROM chaos.movement m
LEFT JOIN issuing_cardtransaction t ON t.provider = m.provider AND t.issuer_transaction_id = m.name
LEFT JOIN wallet_posting p ON p.key = 'card_transaction:' || t.id
WHERE t.id IS NULL OR t.currency <> m.currency OR t.amount_minor <> abs(m.minor)
    OR (t.transaction_type IN ('refund', 'chargeback')) <> (m.minor < 0)
    OR (p.amount_minor IS DISTINCT FROM t.amount_minor OR p.currency IS DISTINCT FROM t.currency)
        AND (p.id IS NOT NULL OR NOT EXISTS (SELECT FROM wallet_case k WHERE k.kind = 'refund_unlinked'
            AND k.status = 'open' AND k.reference = 'card_transaction:' || t.id));

-- I13. Every movement that is recorded here is one at its issuer.
SELECT t.provider, t.issuer_transaction_id, t.transaction_type, t.amount_minor FROM issuing_cardtransaction t
WHERE t.transaction_type IN ('settlement', 'refund') AND NOT EXISTS (
    SELECT FROM chaos.movement m WHERE m.provider = t.provider AND m.name = t.issuer_transaction_id);

-- I13. Every posting of a movement has its movement.
SELECT p.key FROM wallet_posting p WHERE p.key ~ '^card_transaction:\d+$' AND NOT EXISTS (
    SELECT FROM issuing_cardtransaction t WHERE p.key = 'card_transaction:' || t.id);

-- I8. A movement that names a purchase is joined with that one, or a case asks a person.
SELECT m.provider, m.name, m.purchase, a.issuer_authorization_id FROM chaos.movement m
JOIN issuing_cardtransaction t ON t.provider = m.provider AND t.issuer_transaction_id = m.name
LEFT JOIN issuing_authorization a ON a.id = t.authorization_id
WHERE m.purchase IS NOT NULL AND m.purchase <> m.name AND a.issuer_authorization_id IS DISTINCT FROM m.purchase
    AND NOT EXISTS (SELECT FROM wallet_case k WHERE k.reference = 'card_transaction:' || t.id AND k.status = 'open');

-- I10. The state of a purchase moved only as its table says: after its end the trail has no other end.
SELECT earlier.subject_id, earlier.action, later.action FROM audit_entry earlier
JOIN audit_entry later ON later.subject_type = 'authorization' AND later.subject_id = earlier.subject_id
    AND later.id > earlier.id
WHERE earlier.subject_type = 'authorization' AND earlier.action = 'authorization.settled'
    AND later.action IN ('authorization.settled', 'authorization.reversed', 'authorization.expired');
