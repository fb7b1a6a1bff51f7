-- Raises the version of the wallet whose funding method was added, changed or deleted; of both wallets if it moved.
CREATE OR REPLACE FUNCTION wallet_method_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An update that changes nothing: the trigger on the cardholder raises the version.
    UPDATE wallet_cardholder SET wallet_version = wallet_version
        WHERE id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.cardholder_id END,
                     CASE WHEN TG_OP <> 'DELETE' THEN NEW.cardholder_id END);
    RETURN NULL;
END $$;
