-- Refuses to make staff of a login that has a wallet (docs/threat-model.md, people).
CREATE OR REPLACE FUNCTION users_staff_has_no_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM wallet_cardholder WHERE user_id = NEW.id) THEN
        RAISE EXCEPTION 'Whoever has a wallet cannot be staff' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'staff_has_no_wallet';
    END IF;
    RETURN NEW;
END $$;
