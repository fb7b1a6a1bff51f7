"""The counters of controls are locked and raised in one statement, and taken back where nothing was written.

Installs a frozen copy of the function; issuing/sql/ has the current text.
"""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0045_counters_in_one_statement.sql"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0044_parents_asked_once")]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"))]
