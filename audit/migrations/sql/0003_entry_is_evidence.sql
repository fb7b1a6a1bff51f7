-- Entries of the trail are added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER audit_entry_is_evidence BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
