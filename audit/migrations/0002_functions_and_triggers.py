"""Installs a frozen copy of the functions and triggers; audit/sql/ has the current text."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0002_functions_and_triggers.sql"
REMOVE = """
DROP TRIGGER audit_entry_is_evidence ON audit_entry;
DROP FUNCTION onecard_refuse_change();
DROP FUNCTION onecard_raise_version();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
    ]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), REMOVE)]
