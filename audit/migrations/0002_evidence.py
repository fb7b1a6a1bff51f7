"""The trail is evidence (money-safety I2): rows are added, never changed or deleted.

Also the two trigger functions that later apps use. TRUNCATE skips row triggers; the production role must not have it.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION onecard_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is evidence: its rows are added, never changed or deleted', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION onecard_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Always from the stored row: a stale object that is saved must not set the version back.
    NEW.version := OLD.version + 1;
    RETURN NEW;
END $$;
"""

TRIGGER = """
CREATE TRIGGER audit_entry_is_evidence BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(FUNCTIONS, "DROP FUNCTION onecard_refuse_change(); DROP FUNCTION onecard_raise_version();"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER audit_entry_is_evidence ON audit_entry;"),
    ]
