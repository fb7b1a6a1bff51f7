-- Notes that the issuers who know a person have to be told of their changed profile (issuing/cards/profile_updates.py).
-- It runs in the transaction of the change, whoever makes it: the person, staff, an import. While an attempt is under
-- way, only the version rises, and the attempt sees at its end that it was overtaken.
CREATE OR REPLACE FUNCTION issuing_profile_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_holder bigint;
BEGIN
    IF TG_TABLE_NAME = 'users_user' THEN
        -- The lock makes whoever is telling an issuer of this person for the first time wait, or us for them.
        SELECT id INTO v_holder FROM wallet_cardholder WHERE user_id = NEW.id FOR NO KEY UPDATE;
    ELSE
        v_holder := NEW.id;
    END IF;
    INSERT INTO issuing_profileupdate AS u
            (account_id, version, status, failure_code, failure_message, attempts, next_attempt_at, asked_at, updated_at)
        SELECT id, 1, 'intended', '', '', 0, now(), now(), now()
            FROM issuing_issueraccount WHERE cardholder_id = v_holder AND issuer_cardholder_id <> ''
        ON CONFLICT (account_id) DO UPDATE
            SET version = u.version + 1,
                status = CASE u.status WHEN 'sending' THEN 'sending' ELSE 'intended' END,
                attempts = CASE u.status WHEN 'sending' THEN u.attempts ELSE 0 END,
                next_attempt_at = CASE u.status WHEN 'sending' THEN u.next_attempt_at ELSE now() END,
                asked_at = now(),
                updated_at = now();
    RETURN NULL;
END $$;
-- What issuers know of a person has changed, or was checked at last: they are told (issuing/sql/profile_changed.sql).
CREATE OR REPLACE TRIGGER issuing_person_changed AFTER UPDATE ON wallet_cardholder
    FOR EACH ROW WHEN (
        (OLD.legal_first_name, OLD.legal_last_name, OLD.birth_date, OLD.phone, OLD.address_line1, OLD.address_line2,
         OLD.address_city, OLD.address_state, OLD.address_postal_code, OLD.address_country, OLD.terms_accepted_at)
        IS DISTINCT FROM
        (NEW.legal_first_name, NEW.legal_last_name, NEW.birth_date, NEW.phone, NEW.address_line1, NEW.address_line2,
         NEW.address_city, NEW.address_state, NEW.address_postal_code, NEW.address_country, NEW.terms_accepted_at)
        OR NEW.kyc_status = 'verified' AND OLD.kyc_status <> 'verified'
    ) EXECUTE FUNCTION issuing_profile_changed();
-- A person's e-mail address has changed: the issuers who know them are told (issuing/sql/profile_changed.sql).
CREATE OR REPLACE TRIGGER issuing_email_changed AFTER UPDATE OF email ON users_user
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION issuing_profile_changed();
