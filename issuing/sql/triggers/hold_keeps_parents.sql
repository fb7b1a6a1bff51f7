-- A hold never moves to another purchase, window or decision (docs/decisions/0070).
CREATE OR REPLACE TRIGGER issuing_hold_keeps_parents BEFORE UPDATE ON issuing_hold
    FOR EACH ROW WHEN (
        (OLD.authorization_id, OLD.day_id, OLD.month_id, OLD.decision_id)
        IS DISTINCT FROM (NEW.authorization_id, NEW.day_id, NEW.month_id, NEW.decision_id)
    ) EXECUTE FUNCTION onecard_refuse_change();
