"""Verdicts of hooks are looked for only where one of them did not simply allow the purchase.

Installs a frozen copy of the function; issuing/sql/ has the current text.
"""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0042_verdicts_where_there_are_some.sql"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0041_bodies_are_compressed")]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"))]
