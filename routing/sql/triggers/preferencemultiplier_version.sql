-- Every change to a preference multiplier raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_preferencemultiplier_version BEFORE UPDATE ON routing_preferencemultiplier
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
