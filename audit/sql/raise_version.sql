-- Raises the `version` of the row that is being changed. Triggers of several apps call it.
CREATE OR REPLACE FUNCTION onecard_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Counts from the stored row, since a stale object that is saved must not set the version back.
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
