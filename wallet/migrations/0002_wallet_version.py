"""Any change to a wallet raises its version, whoever makes it and however (money-safety T15)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION wallet_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.wallet_version := OLD.wallet_version + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER wallet_cardholder_version BEFORE UPDATE ON wallet_cardholder
    FOR EACH ROW EXECUTE FUNCTION wallet_raise_version();

CREATE FUNCTION wallet_method_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE wallet_cardholder SET wallet_version = wallet_version
        WHERE id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.cardholder_id END,
                     CASE WHEN TG_OP <> 'DELETE' THEN NEW.cardholder_id END);
    RETURN NULL;
END $$;
CREATE TRIGGER wallet_fundingmethod_version AFTER INSERT OR UPDATE OR DELETE ON wallet_fundingmethod
    FOR EACH ROW EXECUTE FUNCTION wallet_method_changed();
"""

BACKWARD = """
DROP TRIGGER wallet_fundingmethod_version ON wallet_fundingmethod;
DROP FUNCTION wallet_method_changed();
DROP TRIGGER wallet_cardholder_version ON wallet_cardholder;
DROP FUNCTION wallet_raise_version();
"""


class Migration(migrations.Migration):
    dependencies = [("wallet", "0001_initial"), ("audit", "0002_evidence")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
