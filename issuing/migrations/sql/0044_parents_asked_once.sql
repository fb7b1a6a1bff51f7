-- Refuses decisions whose event or purchase does not exist: what a foreign key says, asked once for all rows of a
-- statement (docs/decisions/0070). Neither of them is ever deleted, so there is nothing to lock.
CREATE OR REPLACE FUNCTION issuing_decisions_have_parents() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT FROM added
            WHERE (SELECT e.id FROM issuing_issuerevent e WHERE e.id = added.event_id) IS NULL
                OR (SELECT a.id FROM issuing_authorization a WHERE a.id = added.authorization_id) IS NULL) THEN
        RAISE EXCEPTION 'A decision names an event or a purchase that does not exist.'
            USING ERRCODE = 'foreign_key_violation', TABLE = 'issuing_decision';
    END IF;
    RETURN NULL;
END $$;
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
-- Of a decision's event and purchase, each exists (issuing/sql/decisions_have_parents.sql).
CREATE OR REPLACE TRIGGER issuing_decision_has_parents AFTER INSERT ON issuing_decision
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION issuing_decisions_have_parents();
-- Of a hold's purchase, windows and decision, each exists (issuing/sql/holds_have_parents.sql).
CREATE OR REPLACE TRIGGER issuing_hold_has_parents AFTER INSERT ON issuing_hold
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION issuing_holds_have_parents();
-- A hold never moves to another purchase, window or decision (docs/decisions/0070).
CREATE OR REPLACE TRIGGER issuing_hold_keeps_parents BEFORE UPDATE ON issuing_hold
    FOR EACH ROW WHEN (
        (OLD.authorization_id, OLD.day_id, OLD.month_id, OLD.decision_id)
        IS DISTINCT FROM (NEW.authorization_id, NEW.day_id, NEW.month_id, NEW.decision_id)
    ) EXECUTE FUNCTION onecard_refuse_change();
-- A purchase is never deleted, and keeps its key: decisions and holds name it (docs/decisions/0070).
CREATE OR REPLACE TRIGGER issuing_authorization_stays BEFORE DELETE OR UPDATE OF id ON issuing_authorization
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
-- A window is never deleted, and keeps its key: holds name it (docs/decisions/0070).
CREATE OR REPLACE TRIGGER issuing_spendwindow_stays BEFORE DELETE OR UPDATE OF id ON issuing_spendwindow
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
-- A received event is never deleted (money-safety I2), and keeps its key: decisions name it (docs/decisions/0070).
CREATE OR REPLACE TRIGGER issuing_issuerevent_stays BEFORE DELETE OR UPDATE OF id ON issuing_issuerevent
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
