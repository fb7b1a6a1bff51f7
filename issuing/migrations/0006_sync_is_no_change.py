"""When a card was last compared with its issuer is no change of the card: what was read before stays good."""

from django.db import migrations

FORWARD = """
DROP TRIGGER issuing_virtualcard_version ON issuing_virtualcard;
CREATE TRIGGER issuing_virtualcard_version BEFORE UPDATE ON issuing_virtualcard
    FOR EACH ROW WHEN (
        (to_jsonb(OLD) - 'last_synced_at' - 'updated_at') IS DISTINCT FROM
        (to_jsonb(NEW) - 'last_synced_at' - 'updated_at')
    ) EXECUTE FUNCTION onecard_raise_version();
"""

BACKWARD = """
DROP TRIGGER issuing_virtualcard_version ON issuing_virtualcard;
CREATE TRIGGER issuing_virtualcard_version BEFORE UPDATE ON issuing_virtualcard
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();
"""


class Migration(migrations.Migration):
    dependencies = [("issuing", "0005_issuer_operations")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
