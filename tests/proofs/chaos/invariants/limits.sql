-- I4. A counter of a limit is what the holds in it hold.
SELECT w.id, w.card_id, w.kind, w.spent_minor, sum(h.amount_minor - h.released_minor) FILTER (WHERE h.status = 'placed')
FROM issuing_spendwindow w LEFT JOIN issuing_hold h ON w.id IN (h.day_id, h.month_id)
GROUP BY w.id HAVING w.spent_minor <> coalesce(
    sum(h.amount_minor - h.released_minor) FILTER (WHERE h.status = 'placed'), 0);

-- I5. What we approved takes no counter above its card's limit, but for what stand-in approved while nobody could look.
SELECT w.card_id, w.kind, w.starts_at, sum(h.amount_minor - h.released_minor)
FROM issuing_spendwindow w JOIN issuing_virtualcard c ON c.id = w.card_id
JOIN issuing_hold h ON w.id IN (h.day_id, h.month_id) AND h.status = 'placed'
JOIN issuing_decision d ON d.id = h.decision_id AND d.rule <> 'stand_in'
GROUP BY w.id, c.id
HAVING sum(h.amount_minor - h.released_minor)
    > CASE w.kind WHEN 'day' THEN c.daily_limit_minor ELSE c.monthly_limit_minor END;

-- I5. No single approval is above its card's limit for one.
SELECT d.id, d.amount_minor, c.per_transaction_limit_minor FROM issuing_decision d
JOIN issuing_authorization a ON a.id = d.authorization_id JOIN issuing_virtualcard c ON c.id = a.card_id
WHERE d.approved AND d.amount_minor > c.per_transaction_limit_minor;

-- I4, I5. A card's balance is what was put on it less what purchases have of it, and never below zero.
SELECT c.id, c.balance_minor FROM issuing_virtualcard c WHERE c.balance_minor < 0 OR c.balance_minor <>
    coalesce((SELECT sum(f.amount_minor) FROM issuing_cardfunding f
        WHERE f.card_id = c.id AND f.status = 'credited'), 0)
    - coalesce((SELECT sum(u.amount_minor) FROM issuing_balanceuse u WHERE u.card_id = c.id), 0);

-- I7. No part of a hold is more than the hold, and a hold that has ended says when.
SELECT h.id, h.status, h.amount_minor, h.released_minor, h.ended_at FROM issuing_hold h
WHERE h.released_minor NOT BETWEEN 0 AND h.amount_minor OR (h.status = 'released') <> (h.ended_at IS NOT NULL);

-- I7. An approval has one hold of its amount, and a decline has none.
SELECT d.id, d.approved, d.amount_minor, h.amount_minor FROM issuing_decision d
LEFT JOIN issuing_hold h ON h.decision_id = d.id
WHERE d.approved AND d.amount_minor > 0 AND h.amount_minor IS DISTINCT FROM d.amount_minor
    OR NOT d.approved AND h.id IS NOT NULL;

-- I4, I7. A purchase that is open holds what is approved of it.
SELECT a.id, a.status, a.approved_minor, sum(h.amount_minor - h.released_minor) FILTER (WHERE h.status = 'placed')
FROM issuing_authorization a LEFT JOIN issuing_hold h ON h.authorization_id = a.id
WHERE a.status = 'approved' GROUP BY a.id HAVING a.approved_minor > coalesce(
    sum(h.amount_minor - h.released_minor) FILTER (WHERE h.status = 'placed'), 0);

-- I7. A purchase that fell away holds no more than its issuer says that merchants took of it.
SELECT a.id, a.provider, a.issuer_authorization_id, a.status, sum(h.amount_minor - h.released_minor)
FROM issuing_authorization a JOIN issuing_hold h ON h.authorization_id = a.id AND h.status = 'placed'
WHERE a.status IN ('declined', 'reversed', 'expired') GROUP BY a.id
HAVING sum(h.amount_minor - h.released_minor) > coalesce((SELECT sum(m.minor) FROM chaos.movement m
    WHERE m.provider = a.provider AND m.purchase = a.issuer_authorization_id AND m.minor > 0), 0);

-- I16. A hold counts in one day and one month of its card, and both were open when it was placed.
SELECT h.id, h.placed_at, day.starts_at, day.ends_at, month.starts_at, month.ends_at FROM issuing_hold h
JOIN issuing_authorization a ON a.id = h.authorization_id
JOIN issuing_spendwindow day ON day.id = h.day_id JOIN issuing_spendwindow month ON month.id = h.month_id
WHERE day.kind <> 'day' OR month.kind <> 'month' OR a.card_id NOT IN (day.card_id) OR a.card_id NOT IN (month.card_id)
    OR NOT h.of_capture AND h.decision_id IS NOT NULL
        AND (h.placed_at NOT BETWEEN day.starts_at AND day.ends_at
            OR h.placed_at NOT BETWEEN month.starts_at AND month.ends_at);

-- I16. No two windows of one card and kind overlap.
SELECT w.card_id, w.kind, w.starts_at, other.starts_at FROM issuing_spendwindow w
JOIN issuing_spendwindow other ON other.card_id = w.card_id AND other.kind = w.kind AND other.id > w.id
    AND other.starts_at < w.ends_at AND w.starts_at < other.ends_at;
