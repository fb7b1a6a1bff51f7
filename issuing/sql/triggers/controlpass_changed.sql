-- Decisions notice a pass that was opened or used (money-safety T15).
CREATE OR REPLACE TRIGGER issuing_controlpass_changed AFTER INSERT OR UPDATE OR DELETE ON issuing_controlpass
    FOR EACH ROW EXECUTE FUNCTION issuing_controls_changed();
