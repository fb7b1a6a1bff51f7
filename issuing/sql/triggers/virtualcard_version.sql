-- Every change to a card raises its version, whoever makes it (money-safety T15).
-- The time of the last comparison with the issuer is no change of the card: what was read before it stays valid.
CREATE OR REPLACE TRIGGER issuing_virtualcard_version BEFORE UPDATE ON issuing_virtualcard
    FOR EACH ROW WHEN (
        (to_jsonb(OLD) - 'last_synced_at' - 'updated_at') IS DISTINCT FROM
        (to_jsonb(NEW) - 'last_synced_at' - 'updated_at')
    ) EXECUTE FUNCTION onecard_raise_version();
