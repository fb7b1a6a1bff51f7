-- Refuses another login for a wallet, and a wallet for a member of staff (docs/threat-model.md, people).
-- With wallet/sql/staff_has_no_wallet.sql, no page, command or race can hand a person's wallet to staff.
CREATE OR REPLACE FUNCTION wallet_login_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.user_id IS DISTINCT FROM OLD.user_id THEN
        RAISE EXCEPTION 'The login of a wallet is fixed' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'wallet_login_is_fixed';
    END IF;
    -- Locks the login, so that it cannot become staff meanwhile.
    PERFORM 1 FROM users_user WHERE id = NEW.user_id FOR SHARE;
    IF EXISTS (SELECT 1 FROM users_user WHERE id = NEW.user_id AND (is_staff OR is_superuser)) THEN
        RAISE EXCEPTION 'A member of staff has no wallet' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'wallet_login_is_no_staff';
    END IF;
    RETURN NEW;
END $$;

-- Raises the version of the wallet whose funding method was added, changed or deleted; of both wallets if it moved.
CREATE OR REPLACE FUNCTION wallet_method_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An update that changes nothing: the trigger on the cardholder raises the version.
    UPDATE wallet_cardholder SET wallet_version = wallet_version
        WHERE id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.cardholder_id END,
                     CASE WHEN TG_OP <> 'DELETE' THEN NEW.cardholder_id END);
    RETURN NULL;
END $$;

-- Raises the version of a wallet whose cardholder row is being changed.
CREATE OR REPLACE FUNCTION wallet_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.wallet_version := OLD.wallet_version + 1;
    RETURN NEW;
END $$;

-- Refuses to make staff of a login that has a wallet (docs/threat-model.md, people).
CREATE OR REPLACE FUNCTION users_staff_has_no_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM wallet_cardholder WHERE user_id = NEW.id) THEN
        RAISE EXCEPTION 'Whoever has a wallet cannot be staff' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'staff_has_no_wallet';
    END IF;
    RETURN NEW;
END $$;

-- Every change to a cardholder raises the wallet's version (money-safety T15).
CREATE OR REPLACE TRIGGER wallet_cardholder_version BEFORE UPDATE ON wallet_cardholder
    FOR EACH ROW EXECUTE FUNCTION wallet_raise_version();

-- What people noted about a case is added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER wallet_casenote_stays BEFORE UPDATE OR DELETE ON wallet_casenote
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();

-- Every change to a funding method raises its wallet's version (money-safety T15).
CREATE OR REPLACE TRIGGER wallet_fundingmethod_version AFTER INSERT OR UPDATE OR DELETE ON wallet_fundingmethod
    FOR EACH ROW EXECUTE FUNCTION wallet_method_changed();

-- A wallet keeps the login that it was made with, and that login is no member of staff.
CREATE OR REPLACE TRIGGER wallet_login_is_fixed BEFORE INSERT OR UPDATE OF user_id ON wallet_cardholder
    FOR EACH ROW EXECUTE FUNCTION wallet_login_is_fixed();

-- Postings are added, and never changed or deleted (money-safety I2).
CREATE OR REPLACE TRIGGER wallet_posting_stays BEFORE UPDATE OR DELETE ON wallet_posting
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();

-- A login that has a wallet cannot become staff.
CREATE OR REPLACE TRIGGER users_staff_has_no_wallet BEFORE UPDATE OF is_staff, is_superuser ON users_user
    FOR EACH ROW WHEN (NEW.is_staff OR NEW.is_superuser) EXECUTE FUNCTION users_staff_has_no_wallet();
