-- Refuses holds whose purchase, windows or decision do not exist: what foreign keys say, asked once for all rows of a
-- statement (docs/decisions/0070). None of them is ever deleted, so there is nothing to lock.
CREATE OR REPLACE FUNCTION issuing_holds_have_parents() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT FROM added
            WHERE (SELECT a.id FROM issuing_authorization a WHERE a.id = added.authorization_id) IS NULL
                OR (SELECT w.id FROM issuing_spendwindow w WHERE w.id = added.day_id) IS NULL
                OR (SELECT w.id FROM issuing_spendwindow w WHERE w.id = added.month_id) IS NULL
                OR added.decision_id IS NOT NULL
                    AND (SELECT d.id FROM issuing_decision d WHERE d.id = added.decision_id) IS NULL) THEN
        RAISE EXCEPTION 'A hold names a purchase, a window or a decision that does not exist.'
            USING ERRCODE = 'foreign_key_violation', TABLE = 'issuing_hold';
    END IF;
    RETURN NULL;
END $$;
