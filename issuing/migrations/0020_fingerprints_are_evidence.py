"""An event's fingerprint is evidence like its body; one that was rejected gets it when it is understood."""

from django.db import migrations

TRIGGER = """
DROP TRIGGER issuing_issuerevent_is_evidence ON issuing_issuerevent;
CREATE TRIGGER issuing_issuerevent_is_evidence BEFORE UPDATE ON issuing_issuerevent
    FOR EACH ROW WHEN (
        (OLD.provider, OLD.event_id, OLD.event_type, OLD.object_id, OLD.body, OLD.original_mac, OLD.received_at)
        IS DISTINCT FROM
        (NEW.provider, NEW.event_id, NEW.event_type, NEW.object_id, NEW.body, NEW.original_mac, NEW.received_at)
        {more}
    ) EXECUTE FUNCTION onecard_refuse_change();
"""
MORE = "OR OLD.fingerprint <> NEW.fingerprint AND OLD.status <> 'rejected'"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0019_masked_bodies")]
    operations = [migrations.RunSQL(TRIGGER.format(more=MORE), TRIGGER.format(more=""))]
