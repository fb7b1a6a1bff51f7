"""Decisions and received events are evidence (money-safety I2); a card's version rises with every change to it."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER issuing_decision_is_evidence BEFORE UPDATE OR DELETE ON issuing_decision
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();

CREATE TRIGGER issuing_issuerevent_stays BEFORE DELETE ON issuing_issuerevent
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
CREATE TRIGGER issuing_issuerevent_is_evidence BEFORE UPDATE ON issuing_issuerevent
    FOR EACH ROW WHEN (
        (OLD.provider, OLD.event_id, OLD.event_type, OLD.object_id, OLD.body, OLD.received_at)
        IS DISTINCT FROM
        (NEW.provider, NEW.event_id, NEW.event_type, NEW.object_id, NEW.body, NEW.received_at)
    ) EXECUTE FUNCTION onecard_refuse_change();

CREATE TRIGGER issuing_virtualcard_version BEFORE UPDATE ON issuing_virtualcard
    FOR EACH ROW EXECUTE FUNCTION onecard_raise_version();

-- Counters are updated in place at every purchase: room on the page keeps those updates out of the indexes.
ALTER TABLE issuing_spendwindow SET (fillfactor = 70);
"""

BACKWARD = """
ALTER TABLE issuing_spendwindow RESET (fillfactor);
DROP TRIGGER issuing_virtualcard_version ON issuing_virtualcard;
DROP TRIGGER issuing_issuerevent_is_evidence ON issuing_issuerevent;
DROP TRIGGER issuing_issuerevent_stays ON issuing_issuerevent;
DROP TRIGGER issuing_decision_is_evidence ON issuing_decision;
"""


class Migration(migrations.Migration):
    dependencies = [("issuing", "0001_initial"), ("audit", "0002_evidence")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
