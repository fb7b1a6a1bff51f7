-- Every change to a merchant list raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER routing_merchantlist_version BEFORE UPDATE ON routing_merchantlist
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
