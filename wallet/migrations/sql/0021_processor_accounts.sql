-- Every change to a processor account raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER wallet_processoraccount_version BEFORE UPDATE ON wallet_processoraccount
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
-- Every change to a processor's fee raises its version (money-safety T15).
CREATE OR REPLACE TRIGGER wallet_processorfee_version BEFORE UPDATE ON wallet_processorfee
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
