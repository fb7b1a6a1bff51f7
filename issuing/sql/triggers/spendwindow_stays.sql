-- A window is never deleted, and keeps its key: holds name it (docs/decisions/0070).
CREATE OR REPLACE TRIGGER issuing_spendwindow_stays BEFORE DELETE OR UPDATE OF id ON issuing_spendwindow
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
