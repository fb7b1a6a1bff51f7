-- Every change to a cap raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardcap_version BEFORE UPDATE ON routing_rewardcap
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
