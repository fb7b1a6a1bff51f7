-- Every change to a ranking row raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_rankingrow_version BEFORE UPDATE ON routing_rankingrow
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
