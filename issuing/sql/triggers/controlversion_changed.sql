-- Decisions notice a control that comes into force or goes (money-safety T15).
CREATE OR REPLACE TRIGGER issuing_controlversion_changed AFTER INSERT OR UPDATE OR DELETE ON issuing_controlversion
    FOR EACH ROW EXECUTE FUNCTION issuing_controls_changed();
