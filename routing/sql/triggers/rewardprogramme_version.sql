-- Every change to a reward programme raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardprogramme_version BEFORE UPDATE ON routing_rewardprogramme
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
