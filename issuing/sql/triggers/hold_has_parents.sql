-- Of a hold's purchase, windows and decision, each exists (issuing/sql/holds_have_parents.sql).
CREATE OR REPLACE TRIGGER issuing_hold_has_parents AFTER INSERT ON issuing_hold
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION issuing_holds_have_parents();
