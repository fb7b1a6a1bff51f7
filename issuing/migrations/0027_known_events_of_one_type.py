"""A copy of an answered event is found in any session; installs a frozen copy, issuing/sql/ has the current text."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0027_known_events_of_one_type.sql"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0026_merchants_sorted_in_later")]
    # The text before had an error, so nothing goes back to it.
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), migrations.RunSQL.noop)]
