-- Refuses to change or delete a row that is evidence (money-safety I2). Row triggers of several apps call it.
-- TRUNCATE passes row triggers, so the production role must not have that right (docs/runbook.md).
CREATE OR REPLACE FUNCTION onecard_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is evidence: its rows are added, never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
