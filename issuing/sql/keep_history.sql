-- Adds stored decisions to the history of their cards, each decision once: `rebuild_card_history` calls it, card by card.
-- Decisions that were made without the card, and corrections, are not added.
CREATE OR REPLACE FUNCTION issuing_keep_history(p_decisions bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM issuing_add_to_history(
            array_agg(id), array_agg(authorization_id), array_agg(approved), array_agg(amount_minor),
            array_agg(currency::text), array_agg(decided_at), array_agg(place), array_agg(mcc))
        -- With OFFSET these parts are taken out of the trace once.
        FROM (SELECT *, trace->'place' AS place, trace->>'mcc' AS mcc FROM issuing_decision
            WHERE id = ANY(p_decisions) AND corrects_id IS NULL AND trace ? 'card_version' OFFSET 0) d;
END $$;
