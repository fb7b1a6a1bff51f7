-- What people noted about a case is added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER wallet_casenote_stays BEFORE UPDATE OR DELETE ON wallet_casenote
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
