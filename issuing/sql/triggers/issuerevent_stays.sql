-- A received event is never deleted (money-safety I2).
CREATE OR REPLACE TRIGGER issuing_issuerevent_stays BEFORE DELETE ON issuing_issuerevent
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
