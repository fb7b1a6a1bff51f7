-- Every change to a funding method raises its wallet's version (money-safety T15).
CREATE OR REPLACE TRIGGER wallet_fundingmethod_version AFTER INSERT OR UPDATE OR DELETE ON wallet_fundingmethod
    FOR EACH ROW EXECUTE FUNCTION wallet_method_changed();
