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
