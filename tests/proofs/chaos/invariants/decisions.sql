-- I6. A question has one decision, and one correction of it at most.
SELECT d.event_id, d.corrects_id, count(*) FROM issuing_decision d GROUP BY 1, 2 HAVING count(*) > 1;

-- I6. A round of a purchase has one decision, and one correction of it at most.
SELECT d.authorization_id, d.round_key, d.corrects_id, count(*) FROM issuing_decision d
GROUP BY 1, 2, 3 HAVING count(*) > 1;

-- I6, I11. Every approval that we answered is recorded, under its question and with the very bytes. Where the same question
-- was decided anew before stand-in's approval was in the books, that one is an approval as well, or an open case says so.
SELECT s.provider, s.event, s.purchase, s.asked_at FROM chaos.answer s WHERE s.approved AND NOT EXISTS (
    SELECT FROM issuing_issuerevent e JOIN issuing_decision d ON d.event_id = e.id
    WHERE e.provider = s.provider AND e.event_id = s.event AND d.approved
        AND (d.response = convert_to(s.body, 'UTF8') OR s.body ~ 'stand_in_approved'))
    AND NOT (s.body ~ 'stand_in_approved' AND EXISTS (
        SELECT FROM issuing_authorization a JOIN wallet_case k ON k.reference = 'authorization:' || a.id
        WHERE a.provider = s.provider AND a.issuer_authorization_id = s.purchase
            AND k.kind = 'event_contradiction' AND k.status = 'open'));

-- I6. An approval that the issuer has is answered again with the same bytes, or with a decline that names no decision, or
-- by stand-in: what was recorded could not be read in time. What stand-in answered first is decided anew when it comes
-- again before it is in the books.
SELECT s.provider, s.event, s.purchase, later.asked_at, later.body FROM chaos.answer s
JOIN chaos.answer later ON later.event = s.event AND later.provider = s.provider AND later.repeat
WHERE NOT s.repeat AND s.approved AND later.body <> s.body AND s.body !~ 'stand_in_' AND later.body !~ 'stand_in_'
    AND (later.approved OR NOT later.approved AND later.body ~ 'onecard_decision');

-- I6. A decline that is recorded, and that the issuer has, is answered again with the same bytes, or with a decline that
-- names no decision, or by stand-in.
SELECT s.provider, s.event, s.purchase, later.asked_at, later.body FROM chaos.answer s
JOIN chaos.answer later ON later.event = s.event AND later.provider = s.provider AND later.repeat
JOIN issuing_issuerevent e ON e.provider = s.provider AND e.event_id = s.event
JOIN issuing_decision d ON d.event_id = e.id AND d.response = convert_to(s.body, 'UTF8')
WHERE NOT s.repeat AND NOT s.approved AND later.body <> s.body
    AND s.body !~ 'stand_in_' AND later.body !~ 'stand_in_'
    AND (later.approved OR NOT later.approved AND later.body ~ 'onecard_decision');

-- I6, I11. What stand-in answered has a decision in the books: this one, or that of the same question put again before.
SELECT s.provider, s.event, s.purchase, s.asked_at, s.body FROM chaos.answer s
WHERE s.body ~ 'onecard_decision' AND s.body ~ 'stand_in_' AND NOT EXISTS (
    SELECT FROM issuing_issuerevent e JOIN issuing_decision d ON d.event_id = e.id
    WHERE e.provider = s.provider AND e.event_id = s.event);

-- I6, I18. What the issuer holds approved is approved here, and was not taken back.
SELECT s.provider, s.event, s.purchase FROM chaos.answer s
JOIN issuing_issuerevent e ON e.provider = s.provider AND e.event_id = s.event
JOIN issuing_decision d ON d.event_id = e.id AND d.corrects_id IS NOT NULL
WHERE NOT s.repeat AND s.approved;

-- I11, I18. An approval that did not reach the issuer in time holds nothing of the card's limits.
SELECT a.provider, a.issuer_authorization_id, d.public_id, h.amount_minor - h.released_minor
FROM issuing_decision d JOIN issuing_issuerevent e ON e.id = d.event_id
JOIN issuing_authorization a ON a.id = d.authorization_id JOIN issuing_hold h ON h.decision_id = d.id
WHERE d.approved AND h.status = 'placed' AND h.amount_minor > h.released_minor
    AND NOT EXISTS (SELECT FROM chaos.answer s
        WHERE s.provider = e.provider AND s.event = e.event_id AND NOT s.repeat AND s.approved)
    AND a.status NOT IN ('settled');

-- I11, I18. An approval that did not reach the issuer in time has nobody's money: released, or given back in full.
SELECT a.provider, a.issuer_authorization_id, d.public_id, o.status, o.amount_minor
FROM issuing_decision d JOIN issuing_issuerevent e ON e.id = d.event_id
JOIN issuing_authorization a ON a.id = d.authorization_id
JOIN wallet_fundingobligation o ON o.id = d.obligation_id
WHERE d.approved AND o.status <> 'released'
    AND NOT EXISTS (SELECT FROM chaos.answer s
        WHERE s.provider = e.provider AND s.event = e.event_id AND NOT s.repeat AND s.approved)
    AND NOT EXISTS (SELECT FROM chaos.approved k
        WHERE k.provider = a.provider AND k.purchase = a.issuer_authorization_id)
    AND o.amount_minor - o.released_minor > coalesce((SELECT sum(r.amount_minor) FROM wallet_fundingrefund r
        WHERE r.obligation_id = o.id AND r.status = 'succeeded'), 0);

-- I13, I18. A purchase that we hold approved or settled is approved at its issuer, or was captured there.
SELECT a.provider, a.issuer_authorization_id, a.status, a.approved_minor FROM issuing_authorization a
WHERE a.status IN ('approved', 'settled')
    AND NOT EXISTS (SELECT FROM chaos.approved k
        WHERE k.provider = a.provider AND k.purchase = a.issuer_authorization_id)
    AND NOT EXISTS (SELECT FROM chaos.movement m
        WHERE m.provider = a.provider AND m.purchase = a.issuer_authorization_id);

-- I13. A purchase that is approved at its issuer is known here, and not as declined.
SELECT k.provider, k.purchase, a.status FROM chaos.approved k
LEFT JOIN issuing_authorization a ON a.provider = k.provider AND a.issuer_authorization_id = k.purchase
WHERE a.id IS NULL OR a.status = 'declined';

-- I14. An approval says which rule chose which card, and a decline says why.
SELECT d.id, d.approved, d.rule, d.decline_reason FROM issuing_decision d
WHERE d.approved AND (d.rule = '' OR jsonb_array_length(coalesce(d.trace->'candidates', '[]')) = 0)
    OR NOT d.approved AND d.decline_reason = '';

-- I15. Each decision has one entry in the trail, and it says the same.
SELECT d.public_id, d.approved, count(t.id) FROM issuing_decision d
LEFT JOIN audit_entry t ON t.subject_type = 'authorization' AND t.subject_id = d.authorization_id::text
    AND t.action = CASE WHEN d.approved THEN 'authorization.approved' ELSE 'authorization.declined' END
    AND t.details->>'decision' = d.public_id::text
WHERE d.corrects_id IS NULL GROUP BY d.id HAVING count(t.id) <> 1;

-- I15. Each approval that was taken back for lateness has its entry in the trail.
SELECT d.public_id FROM issuing_decision d WHERE d.corrects_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM audit_entry t WHERE t.action = 'authorization.withdrawn' AND t.details->>'correction' = d.public_id::text);

-- I15. No card number stands in the trail, in a case or in a decision's trace.
SELECT 'audit_entry', t.id FROM audit_entry t WHERE t.details::text ~ '\m[3-6]\d{14,15}\M'
UNION ALL SELECT 'wallet_case', k.id FROM wallet_case k WHERE k.summary ~ '\m[3-6]\d{14,15}\M'
UNION ALL SELECT 'issuing_decision', d.id FROM issuing_decision d WHERE d.trace::text ~ '\m[3-6]\d{14,15}\M';
