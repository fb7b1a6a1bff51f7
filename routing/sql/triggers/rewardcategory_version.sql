-- Every change to a reward category raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardcategory_version BEFORE UPDATE ON routing_rewardcategory
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
