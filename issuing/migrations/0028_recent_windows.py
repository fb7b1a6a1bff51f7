"""Only the recent windows of a card are read; installs a frozen copy, issuing/sql/ has the current text."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0028_recent_windows.sql"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0027_known_events_of_one_type")]
    # The text before does the same, more slowly, so nothing goes back to it.
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), migrations.RunSQL.noop)]
