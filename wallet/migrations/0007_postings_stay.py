"""Postings and what people noted about a case are evidence: they are added and never changed (money-safety I2)."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER wallet_posting_stays BEFORE UPDATE OR DELETE ON wallet_posting
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
CREATE TRIGGER wallet_casenote_stays BEFORE UPDATE OR DELETE ON wallet_casenote
    FOR EACH ROW EXECUTE FUNCTION onecard_refuse_change();
"""

BACKWARD = """
DROP TRIGGER wallet_casenote_stays ON wallet_casenote;
DROP TRIGGER wallet_posting_stays ON wallet_posting;
"""


class Migration(migrations.Migration):
    dependencies = [("wallet", "0006_ledger"), ("audit", "0002_evidence")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
