-- Keeps what fraud hooks said about decisions, once with each: flags, declines, and the hooks that were skipped. That a
-- hook allowed a purchase stays in the decision's trace alone. What a hook flags or declines, and what a control flags,
-- belongs to the one open case of its card.
CREATE OR REPLACE FUNCTION issuing_keep_verdicts(p_decisions bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_flagged record;
    v_case bigint;
BEGIN
    FOR v_flagged IN
        WITH said AS (
            INSERT INTO issuing_fraudverdict
                    (decision_id, card_id, hook, outcome, score, reason, took_ms, decided_at)
                SELECT d.id, a.card_id, hook, verdict->>0, (verdict->>2)::int, verdict->>3,
                       round((verdict->>1)::numeric), d.decided_at
                FROM issuing_decision d JOIN issuing_authorization a ON a.id = d.authorization_id
                    CROSS JOIN LATERAL jsonb_each(d.trace->'fraud') AS each (hook, verdict)
                WHERE d.id = ANY(p_decisions) AND d.trace ? 'fraud' AND a.card_id IS NOT NULL
                    AND verdict->>0 <> 'allow'
                ORDER BY d.id
                RETURNING *
        ), flagged AS (
            SELECT decision_id, score, hook || ': ' || reason AS words FROM said
                WHERE outcome IN ('flag', 'would_decline', 'decline')
            UNION ALL
            SELECT h.decision_id, -1, c.name || '.'
                FROM issuing_controlhit h JOIN issuing_controlversion v ON v.id = h.version_id
                    JOIN issuing_control c ON c.id = v.control_id
                WHERE h.decision_id = ANY(p_decisions) AND h.action = 'flag' AND NOT h.in_shadow
        )
        SELECT a.card_id, d.id AS decision_id, d.amount_minor, d.currency, d.decided_at,
               string_agg(f.words, ' ' ORDER BY f.score DESC, f.words) AS words
            FROM flagged f JOIN issuing_decision d ON d.id = f.decision_id
                JOIN issuing_authorization a ON a.id = d.authorization_id
            WHERE a.card_id IS NOT NULL
            GROUP BY a.card_id, d.id, d.amount_minor, d.currency, d.decided_at
            ORDER BY a.card_id, d.id
    LOOP
        -- One case of a card at a time: what comes while it is open belongs to it.
        v_case := issuing_open_case('suspected_fraud', 'virtualcard:' || v_flagged.card_id, v_flagged.words,
                                    v_flagged.amount_minor, v_flagged.currency, v_flagged.decided_at);
        IF v_case IS NOT NULL THEN
            UPDATE wallet_case SET due_on = (v_flagged.decided_at AT TIME ZONE 'UTC')::date + 1 WHERE id = v_case;
        ELSE
            -- A person may have closed it at this moment: then it is still the one that they looked at.
            SELECT id INTO v_case FROM wallet_case
                WHERE kind = 'suspected_fraud' AND reference = 'virtualcard:' || v_flagged.card_id ORDER BY id DESC LIMIT 1;
        END IF;
        UPDATE issuing_fraudverdict SET case_id = v_case
            WHERE decision_id = v_flagged.decision_id AND outcome IN ('flag', 'would_decline', 'decline');
        UPDATE issuing_controlhit SET case_id = v_case
            WHERE decision_id = v_flagged.decision_id AND action = 'flag' AND NOT in_shadow;
    END LOOP;
END $$;
