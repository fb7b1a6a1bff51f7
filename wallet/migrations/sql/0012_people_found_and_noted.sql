-- What staff noted about a person is added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER wallet_personnote_stays BEFORE UPDATE OR DELETE ON wallet_personnote
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
