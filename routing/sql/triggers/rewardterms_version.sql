-- Every change to a product's reward terms raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardterms_version BEFORE UPDATE ON routing_rewardterms
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
