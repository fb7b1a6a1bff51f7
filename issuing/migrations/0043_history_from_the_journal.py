"""A card's history is kept from what the journal says, and no decision is read back for it.

Installs frozen copies of the functions; issuing/sql/ has the current text.
"""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0043_history_from_the_journal.sql"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0042_verdicts_where_there_are_some")]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"))]
