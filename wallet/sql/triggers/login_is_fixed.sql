-- A wallet keeps the login that it was made with, and that login is no member of staff.
CREATE OR REPLACE TRIGGER wallet_login_is_fixed BEFORE INSERT OR UPDATE OF user_id ON wallet_cardholder
    FOR EACH ROW EXECUTE FUNCTION wallet_login_is_fixed();
