-- Of a decision's event and purchase, each exists (issuing/sql/decisions_have_parents.sql).
CREATE OR REPLACE TRIGGER issuing_decision_has_parents AFTER INSERT ON issuing_decision
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION issuing_decisions_have_parents();
