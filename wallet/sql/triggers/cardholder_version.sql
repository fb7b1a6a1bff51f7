-- Every change to a cardholder raises the wallet's version (money-safety T15).
CREATE OR REPLACE TRIGGER wallet_cardholder_version BEFORE UPDATE ON wallet_cardholder
    FOR EACH ROW EXECUTE FUNCTION wallet_raise_version();
