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
