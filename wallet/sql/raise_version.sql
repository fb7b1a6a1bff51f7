-- Raises the version of a wallet whose cardholder row is being changed.
CREATE OR REPLACE FUNCTION wallet_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.wallet_version := OLD.wallet_version + 1;
    RETURN NEW;
END $$;
