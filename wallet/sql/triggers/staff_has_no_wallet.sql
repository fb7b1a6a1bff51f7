-- A login that has a wallet cannot become staff.
CREATE OR REPLACE TRIGGER users_staff_has_no_wallet BEFORE UPDATE OF is_staff, is_superuser ON users_user
    FOR EACH ROW WHEN (NEW.is_staff OR NEW.is_superuser) EXECUTE FUNCTION users_staff_has_no_wallet();
