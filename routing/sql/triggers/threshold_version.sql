-- Every change to a threshold raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_threshold_version BEFORE UPDATE ON routing_threshold
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
