"""Installs a frozen copy of the function that records decisions; issuing/sql/ has the current text."""

from pathlib import Path

from django.db import migrations

INSTALL = Path(__file__).with_name("sql") / "0004_limit_numbers.sql"


class Migration(migrations.Migration):
    dependencies = [("issuing", "0003_purchases_of_a_card")]
    operations = [migrations.RunSQL(INSTALL.read_text(encoding="utf-8"), migrations.RunSQL.noop)]
