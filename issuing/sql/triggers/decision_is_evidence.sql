-- Decisions are added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER issuing_decision_is_evidence BEFORE UPDATE OR DELETE ON issuing_decision
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
