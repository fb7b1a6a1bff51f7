-- Decisions notice a control's new exclusions (money-safety T15).
CREATE OR REPLACE TRIGGER issuing_control_changed AFTER UPDATE ON issuing_control
    FOR EACH ROW EXECUTE FUNCTION issuing_controls_changed();
