-- A purchase is never deleted, and keeps its key: decisions and holds name it (docs/decisions/0070).
CREATE OR REPLACE TRIGGER issuing_authorization_stays BEFORE DELETE OR UPDATE OF id ON issuing_authorization
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
