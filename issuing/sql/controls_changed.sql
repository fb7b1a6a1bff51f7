-- Gives a new version to what a changed control is for: the book of controls, a card or a wallet. So a decision that was
-- made from the controls before is stale (issuing/sql/record_decision.sql). Drafts and ended versions change nothing.
CREATE OR REPLACE FUNCTION issuing_controls_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_row jsonb := coalesce(to_jsonb(NEW), to_jsonb(OLD));
    v_control issuing_control;
BEGIN
    IF TG_TABLE_NAME = 'issuing_controlpass' THEN
        UPDATE issuing_virtualcard SET version = version + 1 WHERE id = (v_row->>'card_id')::bigint;
        RETURN NULL;
    ELSIF TG_TABLE_NAME = 'issuing_controlversion' THEN
        IF NOT ('{active,shadow}'::text[] && ARRAY[v_row->>'state', to_jsonb(OLD)->>'state']) THEN
            RETURN NULL;
        END IF;
        SELECT * INTO v_control FROM issuing_control WHERE id = (v_row->>'control_id')::bigint;
    ELSE
        SELECT * INTO v_control FROM issuing_control WHERE id = (v_row->>'id')::bigint;
    END IF;
    IF v_control.card_id IS NOT NULL THEN
        -- A card's controls go on with the cards that take its place.
        UPDATE issuing_virtualcard SET version = version + 1 WHERE id = ANY(ARRAY(
            WITH RECURSIVE family (id) AS (
                SELECT v_control.card_id
                UNION
                SELECT after.id FROM family CROSS JOIN LATERAL (
                    SELECT c.id FROM issuing_virtualcard c WHERE c.replaces_id = family.id OFFSET 0
                ) AS after
            )
            SELECT id FROM family ORDER BY id));
    ELSIF v_control.cardholder_id IS NOT NULL THEN
        UPDATE wallet_cardholder SET wallet_version = wallet_version + 1 WHERE id = v_control.cardholder_id;
    ELSE
        -- A sequence never gives a number twice, not even after a rollback.
        UPDATE issuing_controlbook SET version = nextval('issuing_controlbook_versions');
    END IF;
    RETURN NULL;
END $$;
