"""Counters of controls at less cost in shared commits, and a cardholder's word that also passes a velocity's flag.

Installs frozen copies of functions; issuing/sql/ has the current text.
"""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0038_controls_at_less_cost.sql"
# A counter is raised by each purchase: with room on its page the new row needs no entry in an index.
ROOM = "ALTER TABLE issuing_velocitycounter SET (fillfactor = 70)"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0037_control_previews")]

    operations = [
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
        migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), migrations.RunSQL.noop),
    ]
