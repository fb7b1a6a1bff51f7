"""Installs a frozen copy of what notes a changed profile; issuing/sql/ has the current text."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0010_profiles_at_issuers.sql"
REMOVE = """
DROP TRIGGER issuing_email_changed ON users_user;
DROP TRIGGER issuing_person_changed ON wallet_cardholder;
DROP FUNCTION issuing_profile_changed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("issuing", "0009_profile_updates"),
        ("users", "0003_one_person_for_an_email"),
        ("wallet", "0010_profile_not_taken_cases"),
    ]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE)]
