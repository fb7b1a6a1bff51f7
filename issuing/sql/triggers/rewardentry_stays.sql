-- Entries of the rewards book are added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER issuing_rewardentry_stays BEFORE UPDATE OR DELETE ON issuing_rewardentry
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
