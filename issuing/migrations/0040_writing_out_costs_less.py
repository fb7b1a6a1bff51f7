"""What follows from decisions is written out with kept plans, and reads each trace fewer times.

Installs frozen copies of the functions; issuing/sql/ has the current text.
"""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0040_writing_out_costs_less.sql"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0039_card_statements")]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"))]
