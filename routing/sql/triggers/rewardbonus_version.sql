-- Every change to a bonus raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rewardbonus_version BEFORE UPDATE ON routing_rewardbonus
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
