-- Opens a case unless the same kind and reference have an open one; returns the id of a new case, else NULL.
-- It does in the committing statement what wallet.cases.open_case does elsewhere.
CREATE OR REPLACE FUNCTION issuing_open_case(
    p_kind text, p_reference text, p_summary text, p_amount bigint, p_currency text, p_now timestamptz
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
BEGIN
    INSERT INTO wallet_case (kind, status, reference, summary, amount_minor, currency, opened_at)
        VALUES (p_kind, 'open', p_reference, left(p_summary, 300), p_amount, p_currency, p_now)
        ON CONFLICT (kind, reference) WHERE status = 'open' DO NOTHING
        RETURNING id INTO v_id;
    IF v_id IS NOT NULL THEN
        INSERT INTO audit_entry (recorded_at, actor, action, subject_type, subject_id, details)
            VALUES (p_now, 'system:cases', 'case.opened', 'case', v_id::text,
                    jsonb_build_object('kind', p_kind, 'reference', p_reference));
    END IF;
    RETURN v_id;
END $$;
