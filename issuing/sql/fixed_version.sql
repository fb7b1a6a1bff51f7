-- Refuses to change what a control's version does once it is no draft: hits and declines name it as what it was.
CREATE OR REPLACE FUNCTION issuing_fixed_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Version % of control % is no draft, so what it does is fixed: write a new version.',
        OLD.number, OLD.control_id USING ERRCODE = 'restrict_violation';
END $$;
