"""Keeps the history of identity checks, begins it for everybody, and takes legal names over from the logins."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0008_history_of_identity_checks.sql"
REMOVE = "DROP TRIGGER wallet_kycevent_stays ON wallet_kycevent;"
NAMES = """
UPDATE wallet_cardholder h SET legal_first_name = left(u.first_name, 40), legal_last_name = left(u.last_name, 40)
  FROM users_user u WHERE u.id = h.user_id AND (u.first_name <> '' OR u.last_name <> '');
"""
# A status that was set before there was a history.
HISTORY = """
INSERT INTO wallet_kycevent (cardholder_id, from_status, to_status, actor, reason, asked, recorded_at)
SELECT id, 'not_started', kyc_status, 'system:migration', 'As it was before there was a history.', '[]', now()
  FROM wallet_cardholder WHERE kyc_status <> 'not_started';
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_functions_and_triggers"), ("wallet", "0007_people_and_their_identity")]
    operations = [
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE),
        migrations.RunSQL(NAMES, migrations.RunSQL.noop),
        migrations.RunSQL(HISTORY, migrations.RunSQL.noop),
    ]
