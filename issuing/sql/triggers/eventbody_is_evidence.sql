-- What was received never changes (money-safety I2). Old months are archived as a whole (docs/decisions/0051).
CREATE OR REPLACE TRIGGER issuing_eventbody_is_evidence BEFORE UPDATE OR DELETE ON issuing_eventbody
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
