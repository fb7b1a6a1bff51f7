-- The history of a person's identity checks is added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER wallet_kycevent_stays BEFORE UPDATE OR DELETE ON wallet_kycevent
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
