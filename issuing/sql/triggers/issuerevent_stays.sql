-- A received event is never deleted (money-safety I2), and keeps its key: decisions name it (docs/decisions/0070).
CREATE OR REPLACE TRIGGER issuing_issuerevent_stays BEFORE DELETE OR UPDATE OF id ON issuing_issuerevent
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
