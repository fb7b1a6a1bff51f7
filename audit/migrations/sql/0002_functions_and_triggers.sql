-- Raises the `version` of the row that is being changed. Triggers of several apps call it.
CREATE OR REPLACE FUNCTION onecard_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Counts from the stored row, since a stale object that is saved must not set the version back.
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;

-- Refuses to change or delete a row that is evidence (money-safety I2). Row triggers of several apps call it.
-- TRUNCATE passes row triggers, so the production role must not have that right (docs/runbook.md).
CREATE OR REPLACE FUNCTION onecard_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is evidence: its rows are added, never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

-- Entries of the trail are added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER audit_entry_is_evidence BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
