-- Postings are added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER wallet_posting_stays BEFORE UPDATE OR DELETE ON wallet_posting
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
